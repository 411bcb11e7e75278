"""Backups by hand: the same steps whether Pulumi or Compose made the containers."""

import enum
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from components.core.labels import BACKUPS_DATA, DATA_LABEL, SERVICE_LABEL, STACK_LABEL, ZONE_LABEL

from .console import Problem, info, noted, uninterrupted, warn
from .engine.docker import containers, docker, health, inspect, last_line, role, service
from .plan import Plan
from .plan.view import VOLUME, labels_of

DRIVER = ("python3", "-m", "slidegenie_backup")
"""The program in the containers."""
_STORES = frozenset({"postgres", "redis", "minio", "backup", "postgres-exporter", "redis-exporter"})
"""Services on the data network that serve data or read it. Every other one may write."""
_START_SECONDS = 180
_GOES_ON = "it goes on in its container, and this waits for it"


def back_up(plan: Plan) -> None:
    """Take a backup now."""
    with uninterrupted(_GOES_ON):
        _drive(plan, "backup", "backup")
    _warn_of_one_disk(plan)


def show(plan: Plan) -> None:
    """List the snapshots."""
    _drive(plan, "backup", "list")
    _warn_of_one_disk(plan)


def drill(plan: Plan) -> None:
    """Restore the newest snapshot on trial."""
    with uninterrupted(_GOES_ON):
        _drive(plan, "restore-drill", "drill")


class Part(enum.StrEnum):
    """A part of a snapshot."""

    POSTGRES = "postgres"
    OBJECTS = "objects"


def what_is_replaced(plan: Plan, snapshot: str, only: Part | None) -> str:
    """Return what a restore costs, in a sentence."""
    what = f"the {only} of stack {plan.stack}" if only else f"all data of stack {plan.stack}"
    return f"This replaces {what} by that of snapshot {snapshot}; the application stops for it."


def restore(plan: Plan, snapshot: str, *, only: Part | None, migrates: bool) -> None:
    """Restore a snapshot, all of it or a part.

    The release that runs may be newer than the snapshot: its migrations run again. Without `migrates` the schema stays
    as it was, for a rollback to the release of that time.

    Raises:
        Problem: when it failed; everything is as it was before then.
    """
    migrations = _migrations(plan) if migrates and only is not Part.OBJECTS else []
    with noted("the snapshot is read to its end, and then dropped") as interruptions:
        _drive(plan, "backup", "prepare", snapshot, *(["--only", only] if only else []))
    if interruptions:
        _drive(plan, "backup", "abandon")
        raise KeyboardInterrupt("nothing was restored")
    with uninterrupted("the restore ends first, half of one helps nobody"):
        _exchange(plan, migrations, migrates=migrates)


def _exchange(plan: Plan, migrations: Sequence[str], *, migrates: bool) -> None:
    """Put what was prepared in the place of what is in use, while nobody writes."""
    writers = list(_writers(plan))
    ids = [writer["Id"] for writer in writers]
    info(f"stopping what writes: {', '.join(sorted({service(writer) for writer in writers}))}")
    try:
        _each("stop", ids)
        _drive(plan, "backup", "commit")
    except BaseException:
        try:
            # It has gone back by itself, unless it was killed.
            _drive(plan, "backup", "abandon")
        finally:
            # What was there before is there again, and if not even that, nothing can become healthy.
            _each("start", ids, check=False)
        raise
    try:
        _migrate(migrations)
        _each("start", ids)
        if migrates:
            # What did not work before need not work now.
            _wait([writer["Id"] for writer in writers if health(writer) == "healthy"], "it goes back, since")
    except BaseException as error:
        _each("stop", ids, check=False)
        _go_back(plan, error)
        _each("start", ids, check=False)
        raise
    _drive(plan, "backup", "finish")
    if not migrates:
        info("the schema is as it was backed up; now `make rollback FORCE=yes` to the release that it belongs to")
        return
    _wait(ids, "the data is restored, but")
    info("the application serves what was restored")


def _go_back(plan: Plan, error: BaseException) -> None:
    """Abandon what was committed. Until that is done it could be written to, and lost: the application stays stopped.

    Raises:
        Problem: when it cannot be abandoned now, and why it should be.
    """
    try:
        _drive(plan, "backup", "abandon")
    except Problem as problem:
        stopped = "the application stays stopped: fix that and run `make restore` again, it goes back first"
        raise Problem(f"{error}\n{problem}\n{stopped}") from None


def _migrations(plan: Plan) -> list[str]:
    """Return the migrations of the release that runs; a rollout that broke has left others beside them.

    Raises:
        Problem: when there are only those of another release.
    """
    apps = containers(plan.label, f"{SERVICE_LABEL}=app", everything=True)
    serving = {app["Image"] for app in ([app for app in apps if health(app) == "healthy"] or apps)}
    jobs = containers(plan.label, f"{SERVICE_LABEL}=migrate", everything=True)
    own = [job["Id"] for job in jobs if job["Image"] in serving]
    if jobs and not own:
        raise Problem(
            "the migrations here are not those of the release that runs, the last rollout broke: `make rollback` or a"
            " good `make up` first, or MIGRATE=no to leave the schema as it was backed up; nothing was restored"
        )
    return own


def _migrate(migrations: Sequence[str]) -> None:
    """Run migrations again: an older schema may have come back."""
    for job in migrations:
        done = docker("start", "--attach", job, check=False)
        if done.returncode != 0:
            raise Problem(
                "it goes back, since the migrations of the running release fail on what was restored:"
                f" {last_line(done.stderr or done.stdout)}"
            )


def _writers(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the servers that may write, also those that an interrupted restore left stopped."""
    mark = f"label={STACK_LABEL}={plan.label}"
    zone = f"label={ZONE_LABEL}=data"
    listed = docker("network", "ls", "--format", "{{.Name}}", "--filter", mark, "--filter", zone)
    data = set(listed.stdout.split())
    for container in containers(plan.label, everything=True):
        joined = container["NetworkSettings"]["Networks"].keys()
        if joined & data and role(container) == "server" and service(container) not in _STORES:
            yield container


def _each(action: str, ids: Sequence[str], *, check: bool = True) -> None:
    for identity in ids:
        docker(action, identity, check=check)


def _wait(ids: list[str], otherwise: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while sick := [service(container) for container in inspect(ids) if health(container) != "healthy"]:
        if time.monotonic() > deadline:
            raise Problem(
                f"{otherwise} {', '.join(sorted(set(sick)))} did not become healthy within {_START_SECONDS} s:"
                " `make logs` says why"
            )
        time.sleep(1)


def _drive(plan: Plan, name: str, *arguments: str) -> None:
    """Run the driver in its container; it says itself what it does.

    Raises:
        Problem: when the container does not run, or the driver failed.
    """
    running = [container for container in containers(plan.label) if service(container) == name]
    if not running:
        raise Problem(
            f"no container {name} runs in stack {plan.stack}: set backup.enabled in Pulumi.{plan.stack}.yaml where it"
            " is not, and `make up`"
        )
    command = ["docker", "exec", running[0]["Id"], *DRIVER, *arguments]
    done = subprocess.run(command, check=False, start_new_session=True)  # noqa: S603 - no shell
    if done.returncode != 0:
        raise Problem(f"`{arguments[0]}` failed in container {name}; the line above says why")


def _warn_of_one_disk(plan: Plan) -> None:
    """Say so when a lost disk would take the backups along: they are where all the other data is."""
    devices = {
        labels[DATA_LABEL]: str((volume.inputs.get("driverOpts") or {}).get("device", "/docker/volume"))
        for volume in plan.of_type(VOLUME)
        if DATA_LABEL in (labels := labels_of(volume))
    }
    own = devices.pop(BACKUPS_DATA, None)
    if own is not None and PurePath(own).parent in {PurePath(device).parent for device in devices.values()}:
        warn("the backups are on this host, a lost disk takes them along: set backup.repository or path")
