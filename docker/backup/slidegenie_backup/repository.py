"""The restic repository: encrypted, deduplicated, and a snapshot is in it whole or not at all."""

import functools
import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import restic
from .config import Config
from .console import say
from .files import write_whole
from .problems import Problem
from .process import run

_TAG = "slidegenie"
_RECENT = "2d"
_PATIENCE = "10m"
"""How long a run waits for one of another stack in the same repository."""


@dataclass(frozen=True)
class Snapshot:
    """One backup."""

    identity: str
    """Full ID."""
    time: str
    """When it was begun, in ISO form."""
    host: str
    """Stack that it is of."""
    paths: tuple[str, ...]
    """Folders in it."""


@dataclass(frozen=True)
class Taken:
    """What a backup amounts to."""

    size: float
    """Bytes it holds."""
    added: float
    """Bytes it added to the repository."""
    unread: tuple[str, ...]
    """Files of volumes that are not in it though they are there."""


class Repository:
    """One repository, used by one stack; several stacks may share it."""

    def __init__(self, config: Config, *, read_only: bool = False) -> None:
        self._config = config
        self._read_only = read_only
        self._known = config.work / f"repository-{hashlib.sha256(config.place.encode()).hexdigest()[:8]}"
        self._password = config.password_file

    def open(self) -> None:
        """Make sure that there is a repository which our password opens; make it when there never was one.

        Raises:
            Problem: when it cannot be used, or one that was there is gone.
        """
        done = self._look()
        if restic.is_refused(done) and self._look(self._config.deputy_file).returncode == 0:
            done = self._admitted()
        if done.returncode == 0:
            self._remember(done.stdout)
            self._unlock(self._password)
            self._settle_passwords()
            return
        if not restic.is_missing(done):
            raise restic.problem("the repository cannot be opened", done)
        if self._known.exists():
            raise Problem(
                f"the repository at {self._config.repository} is gone; it was there before: mount its disk or bring it"
                f" back. To begin a new one, remove {self._known.name} from the volume backup-work"
            )
        if self._read_only:
            raise Problem(f"there is no repository at {self._config.repository}: run `make backup` first")
        say(f"making the repository at {self._config.repository}")
        self._run("init", task="the repository cannot be made")
        self._remember(self._run("cat", "config", task="the repository cannot be opened"))
        self._settle_passwords()
        self._name_first_password()

    def admit(self) -> None:
        """Let our passwords in, where there is a repository: the first backup makes it with them.

        Raises:
            Problem: when neither of them opens it, or it cannot be used.
        """
        if self._known.exists() or not restic.is_missing(self._look()):
            self.open()

    def backup(self, paths: Sequence[Path]) -> Taken:
        """Take a snapshot of `paths`.

        Volumes are in use meanwhile: a file of theirs that was deleted is not missed, one that cannot be read is told.

        Raises:
            Problem: when anything else is not in it; nothing is left of it then.
        """
        flags = ["--host", self._config.stack, "--tag", _TAG, "--json", "--quiet"]
        done = self._call("backup", *flags, *map(str, paths))
        summary = restic.summary(done.stdout)
        failures = restic.failures(done) if done.returncode == restic.INCOMPLETE else {}
        good = done.returncode == 0 or (failures and all(self._is_of_volumes(path) for path in failures))
        if summary and not good:
            self._call("forget", str(summary["snapshot_id"]))
        if not summary or not good:
            raise restic.problem("the snapshot could not be taken", done)
        unread = tuple(path for path, why in failures.items() if not restic.is_vanished(why))
        return Taken(float(summary["total_bytes_processed"]), float(summary["data_added"]), unread)

    def snapshots(self) -> list[Snapshot]:
        """Return our snapshots, the oldest first."""
        told = json.loads(
            self._run("snapshots", "--tag", _TAG, "--json", task="the snapshots cannot be listed") or "[]"
        )
        return [
            Snapshot(item["id"], item["time"], item["hostname"], tuple(item["paths"]))
            for item in sorted(told or [], key=lambda item: str(item["time"]))
        ]

    def find(self, wanted: str) -> Snapshot:
        """Return the snapshot whose ID begins with `wanted`; `latest` is the newest of this stack.

        Raises:
            Problem: when there is none, or more than one.
        """
        every = self.snapshots()
        if wanted == "latest":
            if own := [snapshot for snapshot in every if snapshot.host == self._config.stack]:
                return own[-1]
            others = sorted({snapshot.host for snapshot in every})
            hint = f"there are some of {', '.join(others)}: name one by its ID" if others else "run `make backup` first"
            raise Problem(f"there is no snapshot of {self._config.stack}; {hint}")
        found = [snapshot for snapshot in every if wanted and snapshot.identity.startswith(wanted)]
        if len(found) != 1:
            count = "no snapshot has" if not found else f"{len(found)} snapshots have"
            raise Problem(f"{count} an ID that begins with {wanted!r}; `make backups` lists them")
        return found[0]

    def restore(self, snapshot: Snapshot, target: Path, only: Sequence[str] = ()) -> None:
        """Write what is in a snapshot below `target`; restic checks each part of it against its checksum."""
        flags = [part for path in only for part in ("--include", path)]
        done = self._call("restore", snapshot.identity, "--target", str(target), *flags)
        if done.returncode != 0:
            task = f"snapshot {snapshot.identity[:8]} cannot be read back"
            raise restic.problem(task, done, disk=f"the disk of {self._config.work}")

    def forget(self, *, thrifty: bool = False) -> None:
        """Remove what the retention no longer keeps, and its data.

        `thrifty` needs next to no room: what is used and what is not stay together where they are in one file.
        """
        keep = self._config.retention
        numbers = (
            "--keep-daily",
            str(keep.daily),
            "--keep-weekly",
            str(keep.weekly),
            "--keep-monthly",
            str(keep.monthly),
        )
        which = ("--host", self._config.stack, "--tag", _TAG, "--group-by", "host,tags")
        # All of the last days stay: a backup by hand must not take the place of the night's before it.
        recent = ("--keep-within", _RECENT)
        sparing = ("--max-repack-size", "0") if thrifty else ()
        self._run("forget", *which, *recent, *numbers, "--prune", *sparing, task="old snapshots cannot be removed")

    def check(self, percent: int = 0) -> None:
        """Check the structure, and read `percent` of the data back.

        Raises:
            Problem: when something is missing or damaged.
        """
        # Read only: it must not end on a lock that a killed run left behind.
        done = self._call("check", *([f"--read-data-subset={percent}%"] if percent else []), lock=False)
        if done.returncode != 0:
            raise restic.problem("the repository does not pass its check", done)

    def size(self) -> float:
        """Return the size of the data in the repository, in bytes."""
        told = json.loads(self._run("stats", "--mode", "raw-data", "--json", task="the repository cannot be measured"))
        return float(told["total_size"])

    def _look(self, password: Path | None = None) -> restic.Done:
        return self._call("cat", "config", password=password, lock=False)

    def _unlock(self, password: Path) -> None:
        """Remove the locks of runs that were killed; a prune leaves one that nobody else gets past.

        restic knows a lock for one of those when its process is gone from this host, or after 30 minutes. The container
        has the same host name whenever it is made anew. Where it fails, what comes next says why.
        """
        if not self._read_only:
            self._call("unlock", password=password)

    def _is_of_volumes(self, path: str) -> bool:
        return any(Path(path).is_relative_to(volume) for volume in self._config.volumes)

    def _admitted(self) -> restic.Done:
        """Open with the deputy, and let the password in for the next time."""
        if self._read_only:
            self._password = self._config.deputy_file
        else:
            say("the repository gets its new password")
            self._unlock(self._config.deputy_file)
            self._add_password(self._config.password_file, through=self._config.deputy_file)
        return self._look()

    def _settle_passwords(self) -> None:
        """Let the deputy in, and nobody who was password or deputy of this stack before. All other keys stay."""
        if self._read_only:
            return
        of_deputy = self._keys(self._config.deputy_file)
        if not of_deputy:
            self._add_password(self._config.deputy_file, through=self._config.password_file)
            of_deputy = self._keys(self._config.deputy_file)
        current = {key["id"] for key in (*of_deputy, *self._keys(self._config.password_file)) if key["current"]}
        for key in of_deputy:
            if (key["userName"], key["hostName"]) == (_TAG, self._config.stack) and key["id"] not in current:
                self._run("key", "remove", str(key["id"]), task="the old password cannot be removed")

    def _name_first_password(self) -> None:
        """Put a key with the stack's name in the place of the first one, which restic names after the container."""
        (first,) = (key["id"] for key in self._keys(self._config.password_file) if key["current"])
        self._add_password(self._config.password_file, through=self._config.deputy_file)
        task = "the first key of the repository cannot be named after the stack"
        self._run("key", "remove", str(first), task=task, password=self._config.deputy_file)

    def _add_password(self, new: Path, *, through: Path) -> None:
        flags = ("--user", _TAG, "--host", self._config.stack, "--new-password-file", str(new))
        self._run("key", "add", *flags, task="the repository takes no new password", password=through)

    def _keys(self, password: Path) -> list[dict[str, Any]]:
        """Return all keys, which of them this `password` is among them; none when it opens nothing."""
        done = self._call("key", "list", "--json", password=password)
        if restic.is_refused(done):
            return []
        if done.returncode != 0:
            raise restic.problem("the repository's keys cannot be listed", done)
        return list(json.loads(done.stdout))

    def _remember(self, config: str) -> None:
        if not self._read_only:
            write_whole(self._known, str(json.loads(config)["id"]))

    def _run(self, *args: str, task: str, password: Path | None = None) -> str:
        done = self._call(*args, password=password)
        if done.returncode != 0:
            raise restic.problem(task, done)
        return done.stdout

    def _call(self, *args: str, password: Path | None = None, lock: bool = True) -> restic.Done:
        self._config.work.mkdir(parents=True, exist_ok=True)
        locking = self._patience if lock and not self._read_only else ["--no-lock"]
        return subprocess.run(  # noqa: S603 - no shell
            ["restic", *locking, *args],  # noqa: S607
            env=os.environ | self._config.restic | {"RESTIC_PASSWORD_FILE": str(password or self._password)},
            capture_output=True,
            text=True,
            check=False,
        )

    @functools.cached_property
    def _patience(self) -> list[str]:
        """Flags to wait with for other runs; restic before 0.16 cannot."""
        flags = run(["restic", "--help"], task="restic cannot be run")
        return ["--retry-lock", _PATIENCE] if "--retry-lock" in flags else []
