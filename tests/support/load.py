"""Steady load from many clients, counting every answer that a user would call a failure."""

import collections
import itertools
import threading
import time
from dataclasses import dataclass, field

import httpx

from .client import PRESENTATIONS, example, unverified
from .crowd import Crowd

_CLIENTS = 16
_PAUSE_SECONDS = 0.4
"""Between two requests of a client: some 35 a second in all, which two busy cores serve. A machine at its end fails
health checks, and what that does to a rollout is no question of this load."""
_MOST_SECONDS = 900
_MOST_REQUESTS = 200_000


@dataclass
class Tally:
    """What happened to the requests."""

    ok: int = 0
    failures: collections.Counter[str] = field(default_factory=collections.Counter)
    created: list[str] = field(default_factory=list)
    """Identities of presentations that were acknowledged."""

    @property
    def total(self) -> int:
        """All requests."""
        return self.ok + self.failures.total()

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.total} requests, {self.failures.total()} failed {dict(self.failures) or ''}".rstrip()


class Load(Crowd):
    """Sixteen clients, half of them with keep-alive; one request in eight makes a presentation.

    A context manager: the load runs inside it and stops, in any case, after a bounded time and number of requests.
    """

    def __init__(self, url: str) -> None:
        self.tally = Tally()
        self._url, self._lock = url, threading.Lock()
        self.gather(_CLIENTS, _MOST_SECONDS)

    def wait_for(self, requests: int) -> None:
        """Wait until at least `requests` were made in all."""
        while self.tally.total < requests and time.monotonic() < self._until:
            time.sleep(0.2)

    def client(self, number: int) -> None:
        """Ask, and now and then make a presentation."""
        keep_alive = number % 2 == 0
        headers = {} if keep_alive else {"Connection": "close"}
        with httpx.Client(base_url=self._url, verify=unverified(), timeout=20, headers=headers) as client:
            for turn in itertools.count(number):
                if self.over or self.tally.total > _MOST_REQUESTS:
                    return
                self._request(client, turn)
                time.sleep(_PAUSE_SECONDS)

    def _request(self, client: httpx.Client, turn: int) -> None:
        posting = turn % 8 == 0
        try:
            answer = client.post(PRESENTATIONS, json=example(f"load {turn}")) if posting else client.get(PRESENTATIONS)
        except httpx.HTTPError as error:
            outcome = f"{'POST' if posting else 'GET'} {type(error).__name__}"
        else:
            good = httpx.codes.CREATED if posting else httpx.codes.OK
            outcome = "" if answer.status_code == good else f"{answer.request.method} {answer.status_code}"
            if posting and not outcome:
                with self._lock:
                    self.tally.created.append(answer.json()["id"])
        with self._lock:
            if outcome:
                self.tally.failures[outcome] += 1
            else:
                self.tally.ok += 1
