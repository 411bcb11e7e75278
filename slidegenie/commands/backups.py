"""The commands that back up and restore."""

from collections.abc import Callable

from .. import backups
from ..context import Request, planned


def backup(request: Request) -> None:
    """Back everything up now."""
    backups.back_up(planned(request))


def list_backups(request: Request) -> None:
    """List the backups."""
    backups.show(planned(request))


def restore(request: Request) -> None:
    """Restore a backup: all of it or nothing. Asks first."""
    backups.restore(planned(request))


def drill(request: Request) -> None:
    """Restore the newest backup on trial, where it disturbs nobody."""
    backups.drill(planned(request))


COMMANDS: dict[str, Callable[[Request], None]] = {
    command.__name__.removeprefix("list_"): command for command in (backup, list_backups, restore, drill)
}
"""These commands by their names."""
