"""Threads that work beside a test, for a bounded time."""

import threading
import time
from typing import Self


class Crowd:
    """So many clients, inside a context manager; they stop with it, and in any case when their time is over."""

    def gather(self, clients: int, most_seconds: float) -> None:
        """Get them ready; each will run `client` with its number."""
        self._stop, self._until = threading.Event(), time.monotonic() + most_seconds
        self._threads = [threading.Thread(target=self.client, args=(n,), daemon=True) for n in range(clients)]

    def client(self, number: int) -> None:
        """Work until `over`."""
        raise NotImplementedError

    @property
    def over(self) -> bool:
        """Whether a client has to stop."""
        return self._stop.is_set() or time.monotonic() > self._until

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
