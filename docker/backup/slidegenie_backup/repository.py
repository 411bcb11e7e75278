"""The restic repository: encrypted, deduplicated, and a snapshot is in it whole or not at all."""

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .config import Config
from .console import say
from .files import write_whole
from .problems import Problem
from .process import last_words

_TAG = "slidegenie"
_INCOMPLETE = 3
_MISSING = 10
_RECENT = "2d"
_WRONG_PASSWORD = "wrong password or no key found"  # noqa: S105 - what restic says
_CAUSES = (
    (
        (_WRONG_PASSWORD,),
        "the password does not open the repository: give the one it was made with as secrets.backupPassword",
    ),
    (
        ("no space left on device", "disk quota exceeded"),
        "the disk of the repository is full: make room, or lower backup.keepDaily and its siblings",
    ),
    (
        (
            "ciphertext verification failed",
            "repository contains errors",
            "integrity check failed",
            "invalid data returned",
            "hash does not match",
            "repository is damaged",
            "does not match the hash",
            "unexpected EOF",
            "not found in repository",
            "the config file could not be read",
            "config or key",
            "is damaged",
            "load <",
        ),
        "the repository is damaged: keep a copy of it, and begin a new one at another place (docs/backups.md)",
    ),
    (
        ("already locked", "unable to create lock in backend: repository is already locked"),
        "the repository is locked by another run; a lock that was left behind counts for 30 minutes",
    ),
    (("permission denied",), "the repository may not be written by user 1000: change its owner to 1000:1000"),
    (
        ("dial tcp", "no such host", "connection refused", "i/o timeout"),
        "the repository cannot be reached: check backup.repository and the network",
    ),
    (
        ("Access Denied", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "401 Unauthorized"),
        "the repository refuses the credentials: check secrets.backupCredentials",
    ),
)
"""What restic says, and what that means to a person; its exit codes say less, and older ones nothing."""


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
        done = self._call("cat", "config")
        if _is_refused(done) and self._call("cat", "config", password=self._config.deputy_file).returncode == 0:
            done = self._admitted()
        if done.returncode == 0:
            self._remember(done.stdout)
            self._settle_passwords()
            return
        if not _is_missing(done):
            raise _problem("the repository cannot be opened", done)
        if self._read_only:
            raise Problem(f"there is no repository at {self._config.repository}: run `make backup` first")
        if self._known.exists():
            raise Problem(
                f"the repository at {self._config.repository} is gone; it was there before: mount its disk or bring it"
                f" back. To begin a new one, remove {self._known.name} from the volume backup-work"
            )
        say(f"making the repository at {self._config.repository}")
        self._run("init", task="the repository cannot be made")
        self._remember(self._run("cat", "config", task="the repository cannot be opened"))
        self._settle_passwords()
        self._name_first_password()

    def backup(self, paths: Sequence[Path]) -> dict[str, float]:
        """Take a snapshot of `paths` and return its size and what it added, in bytes.

        Raises:
            Problem: when it is not whole; nothing is left of it then.
        """
        flags = ["--host", self._config.stack, "--tag", _TAG, "--json", "--quiet"]
        done = self._call("backup", *flags, *map(str, paths))
        summary = _summary(done.stdout)
        if done.returncode == _INCOMPLETE and summary:
            self._call("forget", str(summary["snapshot_id"]))
        if done.returncode != 0 or not summary:
            raise _problem("the snapshot could not be taken", done)
        return {"size": float(summary["total_bytes_processed"]), "added": float(summary["data_added"])}

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
        self._run(
            "restore",
            snapshot.identity,
            "--target",
            str(target),
            *flags,
            task=f"snapshot {snapshot.identity[:8]} cannot be read back",
        )

    def forget(self) -> None:
        """Remove what the retention no longer keeps, and its data."""
        self._run("unlock", task="locks that were left behind cannot be removed")
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
        self._run("forget", *which, *recent, *numbers, "--prune", task="old snapshots cannot be removed")

    def check(self, percent: int = 0) -> None:
        """Check the structure, and read `percent` of the data back.

        Raises:
            Problem: when something is missing or damaged.
        """
        # Read only: it must not end on a lock that a killed run left behind.
        flags = ["--no-lock", *([f"--read-data-subset={percent}%"] if percent else [])]
        done = self._call("check", *flags)
        if done.returncode != 0:
            raise _problem("the repository does not pass its check", done)

    def size(self) -> float:
        """Return the size of the data in the repository, in bytes."""
        told = json.loads(self._run("stats", "--mode", "raw-data", "--json", task="the repository cannot be measured"))
        return float(told["total_size"])

    def _admitted(self) -> "subprocess.CompletedProcess[str]":
        """Open with the deputy, and let the password in for the next time."""
        if self._read_only:
            self._password = self._config.deputy_file
        else:
            say("the repository gets its new password")
            self._add_password(self._config.password_file, through=self._config.deputy_file)
        return self._call("cat", "config")

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
        if _is_refused(done):
            return []
        if done.returncode != 0:
            raise _problem("the repository's keys cannot be listed", done)
        return list(json.loads(done.stdout))

    def _remember(self, config: str) -> None:
        if not self._read_only:
            write_whole(self._known, str(json.loads(config)["id"]))

    def _run(self, *args: str, task: str, password: Path | None = None) -> str:
        done = self._call(*args, password=password)
        if done.returncode != 0:
            raise _problem(task, done)
        return done.stdout

    def _call(self, *args: str, password: Path | None = None) -> "subprocess.CompletedProcess[str]":
        self._config.work.mkdir(parents=True, exist_ok=True)
        lock = ["--no-lock"] if self._read_only and "--no-lock" not in args else []
        return subprocess.run(  # noqa: S603 - no shell
            ["restic", *lock, *args],  # noqa: S607
            env=os.environ | self._config.restic | {"RESTIC_PASSWORD_FILE": str(password or self._password)},
            capture_output=True,
            text=True,
            check=False,
        )


def _is_refused(done: "subprocess.CompletedProcess[str]") -> bool:
    return done.returncode != 0 and _WRONG_PASSWORD in done.stderr


def _is_missing(done: "subprocess.CompletedProcess[str]") -> bool:
    said = done.stderr
    damaged = any(mark in said for mark in ("ciphertext", "wrong password", "damaged", "dial tcp", "denied"))
    return done.returncode == _MISSING or ("Is there a repository at the following location" in said and not damaged)


def _problem(task: str, done: "subprocess.CompletedProcess[str]") -> Problem:
    said = done.stderr + done.stdout
    words = last_words(done.stderr or done.stdout)
    for marks, meaning in _CAUSES:
        if any(mark.lower() in said.lower() for mark in marks):
            return Problem(f"{task}: {meaning}. restic said: {words}")
    return Problem(f"{task}: {words} (restic ended with {done.returncode})")


def _summary(output: str) -> dict[str, float] | None:
    """Return the last message of `restic backup --json`, `None` when it did not get that far."""
    for line in reversed(output.splitlines()):
        if line.startswith("{") and (told := json.loads(line)).get("message_type") == "summary":
            return dict(told)
    return None
