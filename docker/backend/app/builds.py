"""Where files are built: off the event loop, few at once, and with a bounded queue before them."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from . import metrics
from .errors import BusyError

AT_ONCE = 1
"""Files built at once per worker. Two at once would build a third fewer per second, as they get in
each other's way at the interpreter lock; more workers help."""


class Builds:
    """The builders of one worker, and what waits for them: up to `queue` files."""

    def __init__(self, queue: int) -> None:
        self._executor = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="build")
        self._at_most = AT_ONCE + queue
        self._under_way = 0

    async def run(self, build: Callable[[], bytes]) -> bytes:
        """Build one file, or raise `BusyError` at once when as many wait as may."""
        if self._under_way >= self._at_most:
            raise BusyError
        started = time.monotonic()
        self._under_way += 1
        try:
            content = await asyncio.get_running_loop().run_in_executor(self._executor, build)
        finally:
            self._under_way -= 1
        metrics.GENERATION_SECONDS.observe(time.monotonic() - started)
        return content

    def close(self) -> None:
        """Build nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)
