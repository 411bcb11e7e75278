"""What can go wrong on the way of an image into a rollout."""


class SupplyChainError(Exception):
    """An image was refused, or could not be checked: what was found, where, and what to do."""


class UnsignedError(SupplyChainError):
    """An image was looked at, and nobody whose signature counts has signed it."""


class ToolError(SupplyChainError):
    """A tool is missing, must not be used, or failed."""

    def __init__(self, message: str, *, code: int | None = None, said: str = "") -> None:
        super().__init__(message)
        self.code = code
        """Exit code of a tool that ran."""
        self.said = said
        """All that it said."""
