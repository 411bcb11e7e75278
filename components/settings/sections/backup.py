"""The settings of backups: where they go, when they run, what is kept."""

import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ..addresses import url_problem
from ..base import Limits, Section
from ..errors import refused
from ..texts import HostPath, Schedule, ScheduleOrOff, Script

_SERVICES = ("s3", "rest", "b2", "azure", "gs", "swift")
"""What restic reaches by itself; sftp and rclone would need programs of their own, and keys for them."""
_FORMS = "s3:https://host/bucket, rest:https://host/, or b2:, azure:, gs: or swift: with container:/path"


def _repository(value: str) -> str:
    service, _, place = value.partition(":")
    if "@" in place.partition("//")[2].partition("/")[0]:
        raise ValueError(
            "has a login in its URL, where everybody can read it; give it as secrets.backupCredentials"
            " (RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD)"
        )
    problem = _repository_problem(service, place)
    if problem:
        raise refused(_FORMS, value, problem)
    return value


def _repository_problem(service: str, place: str) -> str | None:
    if service not in _SERVICES:
        return f"{service!r} is none of {', '.join(_SERVICES)}"
    if service not in ("s3", "rest"):
        container, colon, path = place.partition(":")
        return (
            None if container and colon and path and re.fullmatch(r"[!-~]+", place) else "it names no container:/path"
        )
    # restic takes a host without a scheme for one that speaks TLS.
    url = f"https://{place}" if service == "s3" and "://" not in place else place
    if problem := url_problem(url, ("http", "https")):
        return problem
    if service == "s3" and not urlsplit(url).path.strip("/"):
        return "it names no bucket behind the host"
    return None


OF_MONITORING = frozenset({"alertmanager", "grafana", "prometheus"})
"""Volumes of the monitoring: silences, users and settings, metrics."""
CERTIFICATES = "certificates"
"""The volume with account and certificates of `proxy.tls: acme`. They can be issued again, but not often in a week."""


class BackupSettings(Section):
    """What is saved, where to, and when."""

    enabled: bool = True
    """Whether backups are made and tried."""
    repository: Annotated[str, AfterValidator(_repository)] | None = None
    """URL of a restic repository elsewhere (s3, rest, b2, azure, gs or swift), reached with
    `secrets.backupCredentials`. Default: on this host, which a lost disk takes along."""
    path: HostPath | None = None
    """Folder of the Docker host for the repository, such as a disk of its own or a network share; owned by 1000:1000.
    Default: `<engine.dataRoot>/backups`, else a volume managed by Docker; `make destroy` leaves either alone."""
    schedule: Schedule = "0 1 * * *"
    """When a backup is made, as cron has it, in UTC."""
    check_schedule: ScheduleOrOff = "30 2 * * 6"
    """When a part of the repository is read back and checked; `off` for never. Its structure is checked after each
    backup all the same."""
    check_percent: Annotated[int, Field(ge=1, le=100)] = 10
    """How much of it is read back each time."""
    drill_schedule: ScheduleOrOff = "0 4 * * 0"
    """When the newest backup is restored on trial; `off` for by hand only, with `make drill`."""
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
    before: Script | None = None
    """Shell command in the backup container before each backup; if it fails, none is made."""
    after: Script | None = None
    """Shell command in the backup container after each backup; `BACKUP_RESULT` is `succeeded` or `failed`."""
    limits: Limits = Limits(memory_mib=512)
    """Limits of the backup container."""
    drill_limits: Limits = Limits(memory_mib=768)
    """Limits of the container of the drill, which runs a PostgreSQL and a MinIO of its own for a while."""

    def _broken(self) -> Iterator[str]:
        if self.repository and self.path:
            yield "repository and path exclude each other: a backup has one place; remove one of them"
