"""Steady load from many clients, counting every answer that a user would call a failure."""

import collections
import itertools
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import httpx

from .client import PRESENTATIONS, bearing, example, unverified

# ---------------------------------------------------------------------------- crowd
# Threads that work beside a test, for a bounded time.


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


# ---------------------------------------------------------------------------- load


_PER_SECOND = float(os.environ.get("LOAD_PER_SECOND", "15"))
"""By itself what two busy cores serve beside other tests. A machine at its end fails health checks, and what that does
to a rollout is no question of this load."""
_CLIENTS = max(16, round(_PER_SECOND / 2))
_POST_EVERY = 8
_PRIORITY = -10
"""Of the clients: they stand for other machines, whose processors are not busy with what this one does."""
_MOST_SECONDS = 900
_MOST_REQUESTS = 200_000


@dataclass
class Tally:
    """What happened to the requests."""

    ok: int = 0
    failures: collections.Counter[str] = field(default_factory=collections.Counter)
    """How many failed, by method and reason."""
    created: list[str] = field(default_factory=list)
    """Identities of presentations that were acknowledged."""
    started: float = field(default_factory=time.monotonic)
    """When the load began."""

    @property
    def total(self) -> int:
        """All requests."""
        return self.ok + self.failures.total()

    def __str__(self) -> str:
        """Say it in one line."""
        rate = self.total / (time.monotonic() - self.started)
        said = f"{self.total} requests, {len(self.created)} of them POST, {rate:.0f}/s, {self.failures.total()} failed"
        return f"{said} {dict(self.failures) or ''}".rstrip()


class Load(Crowd):
    """Clients in even numbers, half of them with keep-alive, which ask `per_second` together.

    One request in `post_every` makes a presentation. A client that had to wait for an answer makes up for it.

    A context manager: the load runs inside it and stops, in any case, after a bounded time and number of requests.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        clients: int = _CLIENTS,
        per_second: float = _PER_SECOND,
        post_every: int = _POST_EVERY,
    ) -> None:
        self.tally = Tally()
        self._url, self._token, self._lock = url, token, threading.Lock()
        self._interval_seconds, self._post_every = clients / per_second, post_every
        self.gather(clients, _MOST_SECONDS)

    def wait_for(self, requests: int) -> None:
        """Wait until at least `requests` were made in all."""
        while self.tally.total < requests and time.monotonic() < self._until:
            time.sleep(0.2)

    def client(self, number: int) -> None:
        """Ask, and now and then make a presentation."""
        # Of this thread alone; only root may.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _PRIORITY)
        keep_alive = number % 2 == 0
        headers = bearing(self._token) | ({} if keep_alive else {"Connection": "close"})
        with httpx.Client(base_url=self._url, verify=unverified(), timeout=20, headers=headers) as client:
            due = time.monotonic()
            for turn in itertools.count(number):
                if self.over or self.tally.total > _MOST_REQUESTS:
                    return
                self._request(client, turn)
                # Behind by more than a few requests, it asks no faster: the load has a limit.
                due = max(due + self._interval_seconds, time.monotonic() - 4 * self._interval_seconds)
                time.sleep(max(due - time.monotonic(), 0))

    def _request(self, client: httpx.Client, turn: int) -> None:
        posting = turn % self._post_every == 0
        method = "POST" if posting else "GET"
        try:
            answer = client.post(PRESENTATIONS, json=example(f"load {turn}")) if posting else client.get(PRESENTATIONS)
        except httpx.HTTPError as error:
            outcome = f"{method} {type(error).__name__}: {error}"
        else:
            good = httpx.codes.CREATED if posting else httpx.codes.OK
            outcome = "" if answer.status_code == good else f"{method} {answer.status_code}: {_reason(answer)}"
            if posting and not outcome:
                with self._lock:
                    self.tally.created.append(answer.json()["id"])
        with self._lock:
            if outcome:
                self.tally.failures[outcome] += 1
            else:
                self.tally.ok += 1


def _reason(answer: httpx.Response) -> str:
    """Return what the API said was wrong, without what differs between requests; else what the edge said."""
    with suppress(ValueError, AttributeError):
        return str(answer.json().get("detail"))
    return answer.text[:100]
