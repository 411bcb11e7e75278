"""Ctrl-C while Pulumi works."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .console import say


@contextmanager
def stops_with_pulumi() -> Iterator[None]:
    """Leave Ctrl-C to Pulumi, and be interrupted when it has stopped.

    A terminal sends it to both. Pulumi finishes the step it is at and writes its state down. If this program was gone,
    Pulumi would write into closed pipes, and leave its lock to whoever comes next.

    Raises:
        KeyboardInterrupt: after Pulumi ended, when there was one.
    """
    times = 0

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal times
        times += 1
        if times == 1:
            say("interrupted: finishing the step under way; Ctrl-C again stops at once")

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
