"""The failures a caller is told about."""

from collections.abc import Mapping, Sequence


class UnavailableError(Exception):
    """A dependency did not do its part; the request may be repeated later."""

    def __init__(self, dependency: str, reason: str) -> None:
        super().__init__(f"{dependency}: {reason}")
        self.dependencies: Sequence[str] = [dependency]
        self.missing_settings: Mapping[str, Sequence[str]] = {}
        self.reason = reason


class NotServingError(UnavailableError):
    """Dependencies are known to be away, so the request is not even tried."""

    def __init__(
        self, dependencies: Sequence[str], missing_settings: Mapping[str, Sequence[str]]
    ) -> None:
        super().__init__(", ".join(dependencies), "known to be away")
        self.dependencies = dependencies
        self.missing_settings = missing_settings


class CutOffError(Exception):
    """An answer failed after it had begun; what went wrong is already reported."""


class NotFoundError(Exception):
    """There is no such presentation, or not any more."""


class UnauthorizedError(Exception):
    """The request has no token, or one that is not known."""

    def __init__(self, *, brought: bool) -> None:
        super().__init__("the token is not known" if brought else "a token is needed")
        self.brought = brought


class BusyError(Exception):
    """As many files as may wait are waiting to be built."""


class OverQuotaError(Exception):
    """The owner stores as much as they may, or would with this."""

    def __init__(self, quota_bytes: int) -> None:
        super().__init__(f"{quota_bytes} bytes")
        self.quota_bytes = quota_bytes


class InvalidCursorError(Exception):
    """The cursor was not made by this API."""


def one_line(error: BaseException) -> str:
    """Describe an error for a log line or a status page: its kind and its first line."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
