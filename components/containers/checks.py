"""What Docker would only refuse once everything before it was changed, said before anything is."""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

_SERVICE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LAST_PORT = 65_535


def check_service(service: str) -> None:
    """Refuse a name that is no host name on the networks.

    Raises:
        ValueError: saying what is allowed.
    """
    if not _SERVICE.fullmatch(service):
        raise ValueError(
            f"service must be 1 to 63 lower-case letters, digits and dashes, like reports-api; got {service!r}"
        )


def check_port(service: str, what: str, port: Any) -> None:
    """Refuse what is no TCP port; `true` would be port 1.

    Raises:
        ValueError: naming the service.
    """
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= _LAST_PORT:
        raise ValueError(f"{service}: {what} must be a whole number from 1 to {_LAST_PORT}; got {port!r}")


def check_variables(service: str, environment: Mapping[str, Any]) -> None:
    """Refuse names that no program could read.

    Raises:
        ValueError: naming the service and the first of them.
    """
    for name in environment:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{service}: environment must have names like LOG_LEVEL; got {name!r}")


def check_places(service: str, paths: Iterable[str]) -> None:
    """Refuse mounts that are nowhere, or in the place of another one.

    Raises:
        ValueError: naming the service and the first of them.
    """
    taken: set[str] = set()
    for path in paths:
        if not path.startswith("/") or path == "/" or posixpath.normpath(path) != path:
            raise ValueError(f"{service}: a mount needs a path from the root, like /app/uploads; got {path!r}")
        if path in taken:
            raise ValueError(f"{service}: two mounts are at {path}; move one of them")
        taken.add(path)
