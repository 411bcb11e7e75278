"""Files that are there whole or not at all, and one run at a time."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .problems import Problem

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
def only_one(work: Path) -> Iterator[None]:
    """Hold the work folder; two runs at once would write each other's files.

    Raises:
        Problem: when another run holds it.
    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem("another backup, restore or drill is running; wait for it to end") from None
        yield
