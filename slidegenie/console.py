"""The terminal: what the commands say, what they ask, Ctrl-C, and the one way they fail."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from types import FrameType


class Problem(Exception):
    """Something a person can fix. The message says what is wrong, where, and how to fix it."""


class NotBroughtUp(Problem):
    """There is nothing of a stack where it is looked for: good news that is none."""

    def __init__(self, stack: str, engine: str) -> None:
        super().__init__(
            f"stack {stack} was never brought up with {engine} from this home, or is destroyed: run `make up`, or say"
            " where it was (SLIDEGENIE_HOME, PULUMI_BACKEND_URL)"
        )


def info(text: str) -> None:
    """Print one line of progress."""
    print(f"==> {text}", flush=True)  # noqa: T201 - this is the console


def echo(text: str = "") -> None:
    """Print part of a result."""
    print(text, flush=True)  # noqa: T201 - this is the console


def warn(text: str) -> None:
    """Print one line that needs attention, on standard error."""
    print(f"==> {text}", file=sys.stderr, flush=True)  # noqa: T201 - this is the console


def confirmed(question: str, answer: str) -> bool:
    """Ask, and tell whether `answer` was typed. Without a terminal nobody can agree, so the answer is no."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} Type {answer} to go on: ").strip() == answer
    except EOFError:
        return False


def without_complaint(main: Callable[[], int]) -> int:
    """Run `main` and return its exit code, or 0 when whoever reads its output has seen enough: `make plan | head`."""
    try:
        code = main()
        # What is still held back is written now, while the end of the pipe can be noticed.
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter writes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


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
