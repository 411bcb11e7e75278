"""Waiting for something to become true."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], what: str, seconds: float) -> float:
    """Wait until something is true and return how long that took, in seconds; fail when it is not so in time."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.3)
    return time.monotonic() - started
