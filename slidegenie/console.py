"""What the commands say, and the one way they fail."""

import os
import sys
from collections.abc import Callable


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
