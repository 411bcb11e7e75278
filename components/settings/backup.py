"""The settings of backups: where they go, when they run, what is kept."""

from typing import Annotated

from pydantic import Field, model_validator

from .base import AbsolutePath, Limits, Section

_URL = r"^(s3|rest|b2|azure|gs|swift):\S+$"
"""What restic reaches by itself; sftp and rclone would need programs of their own, and keys for them."""
_CRON_PART = r"(\*|\d{1,2}(-\d{1,2})?)(/[1-9]\d?)?"
_CRON_FIELD = rf"{_CRON_PART}(,{_CRON_PART})*"
Schedule = Annotated[str, Field(pattern=rf"^{_CRON_FIELD}( {_CRON_FIELD}){{4}}$", examples=["0 1 * * *", "30 4 * * 0"])]
"""Five fields of cron in UTC: minute, hour, day of the month, month, day of the week."""


OF_MONITORING = frozenset({"alertmanager", "grafana", "prometheus"})
"""Volumes of the monitoring: silences, users and settings, metrics."""
CERTIFICATES = "certificates"
"""The volume with account and certificates of `proxy.tls: acme`. They can be issued again, but not often in a week."""


class Backup(Section):
    """What is saved, where to, and when."""

    enabled: bool = True
    """Whether backups are made and tried."""
    repository: Annotated[str, Field(pattern=_URL, examples=["s3:https://s3.example.com/backups"])] | None = None
    """URL of a restic repository elsewhere (s3, rest, b2, azure, gs or swift), reached with
    `secrets.backupCredentials`. Default: on this host, which a lost disk takes along."""
    path: AbsolutePath | None = None
    """Folder of the Docker host for the repository, such as a disk of its own or a network share; owned by 1000:1000.
    Default: `<engine.dataRoot>/backups`, else a volume managed by Docker; `make destroy` leaves either alone."""
    schedule: Schedule = "0 1 * * *"
    """When a backup is made, as cron has it, in UTC."""
    check_schedule: Schedule = "30 2 * * 6"
    """When a part of the repository is read back and checked."""
    check_percent: Annotated[int, Field(ge=1, le=100)] = 10
    """How much of it is read back each time."""
    drill_schedule: Schedule = "0 4 * * 0"
    """When the newest backup is restored on trial."""
    keep_daily: Annotated[int, Field(ge=1, le=3650)] = 7
    """Days of which the last backup is kept."""
    keep_weekly: Annotated[int, Field(ge=0, le=520)] = 4
    """Weeks of which the last backup is kept."""
    keep_monthly: Annotated[int, Field(ge=0, le=120)] = 6
    """Months of which the last backup is kept."""
    redis: bool = True
    """Whether Redis is backed up. An external one must let its user replicate, which managed services refuse."""
    volumes: tuple[Annotated[str, Field(examples=["grafana", "certificates"])], ...] = ()
    """Volumes that are backed up as files besides `backend.volumes`: grafana, prometheus (large), alertmanager;
    certificates with `proxy.tls: acme`."""
    before: str | None = None
    """Shell command in the backup container before each backup; if it fails, none is made."""
    after: str | None = None
    """Shell command in the backup container after each backup; `BACKUP_RESULT` is `succeeded` or `failed`."""
    limits: Limits = Limits(memory_mib=512)
    """Limits of the backup container."""
    drill_limits: Limits = Limits(memory_mib=768)
    """Limits of the container of the drill, which runs a PostgreSQL and a MinIO of its own for a while."""

    @model_validator(mode="after")
    def _one_place(self) -> "Backup":
        if self.repository and "@" in self.repository.partition("//")[2].partition("/")[0]:
            raise ValueError(
                "repository has a login in its URL, where everybody can read it; give it as"
                " secrets.backupCredentials (RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD)"
            )
        if self.repository and self.path:
            raise ValueError("repository and path exclude each other: a backup has one place; remove one of them")
        return self
