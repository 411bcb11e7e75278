"""Waiting for something to become true, also on a machine that has something else to do."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager


def until(true: Callable[[], bool], what: str, seconds: float) -> float:
    """Wait until something is true and return how long that took, in seconds; fail when it is not so in time."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.3)
    return time.monotonic() - started


_MOST_SECONDS = 900
_LOOP = f"import signal; signal.alarm({_MOST_SECONDS})\nwhile True: pass"


@contextmanager
def busy_cores() -> Iterator[None]:
    """Keep a loop running on each core; in any case they end after a bounded time."""
    with ExitStack() as running:
        for _ in range(os.cpu_count() or 1):
            loop = running.enter_context(subprocess.Popen([sys.executable, "-c", _LOOP]))
            running.callback(loop.kill)
        yield
