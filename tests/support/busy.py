"""A machine that has something else to do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

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
