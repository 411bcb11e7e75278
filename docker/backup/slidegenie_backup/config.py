"""What the environment says, read once."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .problems import Problem


@dataclass(frozen=True)
class Retention:
    """How many snapshots are kept."""

    daily: int
    weekly: int
    monthly: int


@dataclass(frozen=True)
class Config:
    """Where everything is. A part that is not configured here is not backed up."""

    stack: str
    """Name that the snapshots carry as their host."""
    repository: str
    """Folder or URL, as restic takes it."""
    place: str
    """What tells it from another one, as the container has a folder in the same place for each."""
    password_file: Path
    """Password of the repository."""
    deputy_file: Path
    """A second one, which lets the first in when that was changed."""
    credentials_file: Path | None
    """JSON object of variables that restic needs to reach the repository."""
    work: Path
    """Folder for what is on its way; outlives the container."""
    textfiles: Path | None
    """Folder whose `*.prom` files become metrics."""
    retention: Retention
    check_percent: int
    """Part of the data that a scheduled check reads back."""
    schedules: Mapping[str, str]
    """Cron expression by command."""
    before: str | None
    """Shell command before each backup; when it fails there is none."""
    after: str | None
    """Shell command after each backup, good or bad."""
    volumes: tuple[Path, ...]
    """Folders of further volumes."""
    variables: Mapping[str, str]
    """The environment, for what concerns one data store."""

    @classmethod
    def read(cls, env: Mapping[str, str] = os.environ) -> "Config":
        """Read the environment.

        Raises:
            Problem: naming a variable that is missing.
        """
        try:
            return cls(
                stack=env["BACKUP_STACK"],
                repository=env["RESTIC_REPOSITORY"],
                place=env["BACKUP_PLACE"],
                password_file=Path(env["RESTIC_PASSWORD_FILE"]),
                deputy_file=Path(env["BACKUP_DEPUTY_FILE"]),
                credentials_file=_path(env.get("BACKUP_CREDENTIALS_FILE")),
                work=Path(env.get("BACKUP_WORK", "/work")),
                textfiles=_path(env.get("BACKUP_TEXTFILES")),
                retention=Retention(*(int(env.get(f"KEEP_{age}", "0")) for age in ("DAILY", "WEEKLY", "MONTHLY"))),
                check_percent=int(env.get("CHECK_PERCENT", "5")),
                schedules=json.loads(env.get("BACKUP_SCHEDULES", "{}")),
                before=env.get("BACKUP_BEFORE") or None,
                after=env.get("BACKUP_AFTER") or None,
                volumes=tuple(Path("/volumes", name) for name in env.get("BACKUP_VOLUMES", "").split(",") if name),
                variables=env,
            )
        except KeyError as error:
            raise Problem(f"the variable {error.args[0]} is missing; the container is made by `make up`") from None

    def secret(self, variable: str) -> str:
        """Return the content of the file that `variable` names.

        Raises:
            Problem: when it cannot be read.
        """
        try:
            return Path(self.variables[variable]).read_text(encoding="utf-8").rstrip("\r\n")
        except KeyError:
            raise Problem(f"the variable {variable} is missing; the container is made by `make up`") from None
        except OSError as error:
            raise Problem(f"{variable}: {self.variables[variable]} cannot be read: {error.strerror}") from None

    @property
    def restic(self) -> dict[str, str]:
        """Environment of restic; credentials reach it alone."""
        given = json.loads(self.credentials_file.read_text(encoding="utf-8")) if self.credentials_file else {}
        return {
            **given,
            "RESTIC_REPOSITORY": self.repository,
            "RESTIC_PASSWORD_FILE": str(self.password_file),
            "RESTIC_CACHE_DIR": str(self.work / "cache"),
        }


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None
