"""Files that are there whole or not at all, and one run at a time."""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .console import say
from .problems import Problem

PATIENCE_SECONDS = 3600
"""How long what is due waits for what runs: longer than a usual check, and shorter than what makes a backup late."""
_PAUSE_SECONDS = 1
_OTHER = "another backup, check, restore or drill"
_BLOCK = 1 << 20


def write_whole(path: Path, text: str) -> None:
    """Write `text` beside `path` and rename it there, on the disk before anybody relies on it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def room(folder: Path) -> int:
    """Return how many bytes can be written into a folder."""
    return shutil.disk_usage(folder).free


def read_json(path: Path) -> Any:
    """Return what `path` holds, `None` when there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def sha256(path: Path) -> str:
    """Return the checksum of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def only_one(work: Path, patience_seconds: float = 0) -> Iterator[None]:
    """Hold the work folder, waiting so long for another run to end; two at once would write each other's files.

    Raises:
        Problem: when another run still holds it then.
    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("a") as held:
        _wait(held, patience_seconds)
        yield


def _wait(held: IO[str], patience_seconds: float) -> None:
    if _locked(held):
        return
    if patience_seconds:
        say(f"{_OTHER} is running: this waits for it to end")
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
        if _locked(held):
            return
    raise Problem(f"{_OTHER} is running; wait for it to end")


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
