"""What restic says, and what that means to a person.

Where its exit code says it, that counts, however it is worded: since 0.17.1 for a missing repository, a lock and a
password. Older ones, and what has no code, are known by their words.
"""

import errno
import json
import subprocess
from typing import Any

from .problems import Problem
from .process import last_words

INCOMPLETE = 3
"""Exit code of a snapshot that lacks files which could not be read."""
_MISSING, _LOCKED, _REFUSED = 10, 11, 12
_WRONG_PASSWORD = "wrong password or no key found"  # noqa: S105 - what restic says
_FULL = ("no space left on device", "disk quota exceeded")
_VANISHED = "no such file or directory"
_CAUSES = (
    (
        _REFUSED,
        (_WRONG_PASSWORD,),
        "the password does not open the repository: give the one it was made with as secrets.backupPassword",
    ),
    (
        None,
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
        _LOCKED,
        ("already locked",),
        "the repository is in use by another run: wait for it to end. What another machine left counts for 30 minutes",
    ),
    (None, ("permission denied",), "the repository may not be written by user 1000: change its owner to 1000:1000"),
    (
        None,
        ("dial tcp", "no such host", "connection refused", "i/o timeout"),
        "the repository cannot be reached: check backup.repository and the network",
    ),
    (
        None,
        ("Access Denied", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "401 Unauthorized"),
        "the repository refuses the credentials: check secrets.backupCredentials",
    ),
)

Done = subprocess.CompletedProcess[str]


class FullError(Problem):
    """There is no room where restic writes."""


def problem(task: str, done: Done, *, disk: str = "the disk of the repository") -> Problem:
    """Return what went wrong; `disk` is where `task` writes."""
    said = (done.stderr + done.stdout).lower()
    words = last_words(done.stderr or done.stdout)
    if any(mark in said for mark in _FULL):
        return FullError(f"{task}: {disk} is full: make room. restic said: {words}")
    for code, marks, meaning in _CAUSES:
        if done.returncode == code or any(mark.lower() in said for mark in marks):
            return Problem(f"{task}: {meaning}. restic said: {words}")
    return Problem(f"{task}: {words} (restic ended with {done.returncode})")


def is_refused(done: Done) -> bool:
    """Tell whether the password opens nothing."""
    return done.returncode == _REFUSED or (done.returncode != 0 and _WRONG_PASSWORD in done.stderr)


def is_missing(done: Done) -> bool:
    """Tell whether there is no repository, as opposed to one that cannot be read."""
    said = done.stderr
    damaged = any(mark in said for mark in ("ciphertext", "wrong password", "damaged", "dial tcp", "denied"))
    return done.returncode == _MISSING or ("Is there a repository at the following location" in said and not damaged)


def summary(output: str) -> dict[str, Any] | None:
    """Return the last message of `restic backup --json`, `None` when it did not get that far."""
    return next((told for told in reversed(_messages(output)) if told.get("message_type") == "summary"), None)


def failures(done: Done) -> dict[str, Any]:
    """Return what `restic backup --json` could not read and why, by path."""
    errors = (told for told in _messages(done.stderr) if told.get("message_type") == "error")
    return {str(told.get("item")): told.get("error") for told in errors if told.get("during") != "scan"}


def is_vanished(error: Any) -> bool:
    """Tell whether a file was deleted between being listed and being read; before 0.17 only a number says so."""
    return isinstance(error, dict) and (error.get("Err") == errno.ENOENT or _VANISHED in str(error.get("message")))


def _messages(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]
