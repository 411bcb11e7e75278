"""Ctrl-C while something works that must come to an end by itself."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .console import say


@contextmanager
def interrupted_after(what: str) -> Iterator[None]:
    """Note Ctrl-C, say `what` comes first, and be interrupted when that is over.

    A terminal sends it to all programs it started. Pulumi finishes the step it is at and writes its state down; if this
    one was gone by then, Pulumi would write into closed pipes, and leave its lock to whoever comes next.

    Raises:
        KeyboardInterrupt: at the end, when there was one.
    """
    times = 0

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal times
        times += 1
        if times == 1:
            say(f"interrupted: {what}")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception:
        if times:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    if times:
        raise KeyboardInterrupt
