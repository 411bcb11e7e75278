"""One command at a time on a stack."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..console import info


@contextmanager
def alone(folder: Path) -> Iterator[int]:
    """Wait until nobody else works on the stack of `folder`, and keep others waiting meanwhile.

    Yields the open file that keeps them waiting. Whatever holds it too, such as a Compose that goes on after this
    program was killed, keeps them waiting until its own end.
    """
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            info("another command works on this stack: waiting for its end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)
