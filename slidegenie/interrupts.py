"""Ctrl-C while something works that must come to an end by itself."""

import signal
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from types import FrameType

from .console import info, warn


@contextmanager
def interrupted_after(what: str) -> Iterator[None]:
    """Note Ctrl-C, say `what` comes first, and be interrupted when that is over: for work that Ctrl-C reaches, too.

    A terminal sends it to all programs it started. Pulumi finishes the step it is at and writes its state down; if this
    one was gone by then, Pulumi would write into closed pipes, and leave its lock to whoever comes next. A failure is
    said, as it may be another one than that it was interrupted.

    Raises:
        KeyboardInterrupt: at the end, when there was one.
    """
    with noted(what) as interruptions:
        try:
            yield
        except Exception as error:
            if not interruptions:
                raise
            for line in str(error).splitlines():
                warn(line)
    if interruptions:
        raise KeyboardInterrupt


@contextmanager
def uninterrupted(what: str) -> Iterator[None]:
    """Note Ctrl-C, say `what` happens in spite of it, and that it is done: for work out of its reach.

    Who is told of an interruption does it again, and the second restore of a snapshot loses what was written since the
    first. So whether it failed is all that counts.
    """
    with noted(what) as interruptions:
        yield
    if interruptions:
        info("it is done, in spite of Ctrl-C: there is nothing to run again")


@contextmanager
def noted(what: str) -> Iterator[Sized]:
    """Say `what` at the first Ctrl-C, and do nothing else about any of them; return those that there were."""
    signals: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if not signals:
            info(f"interrupted: {what}")
        signals.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield signals
    finally:
        signal.signal(signal.SIGINT, before)
