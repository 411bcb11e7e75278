"""Clients that write all the time and remember what they were told, to be compared with what is there afterwards."""

import collections
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from .client import PRESENTATIONS, example, titles_in_download, trusting
from .load import Crowd

_CLIENTS = 8
_MOST_SECONDS = 600
_MOST_WRITES = 20_000
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class Write:
    """One request and its answer."""

    ended: float
    title: str
    identity: str
    """What the API called it; empty when it was not acknowledged."""
    failure: str = ""


@dataclass
class Writers(Crowd):
    """Eight clients, each with one presentation after the other; a context manager, and bounded in any case."""

    url: str
    token: str
    enter: Callable[[], None]
    """Called first by every thread, to get where the platform is."""
    writes: list[Write] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._numbers = itertools.count()
        self.gather(_CLIENTS, _MOST_SECONDS)

    @property
    def acknowledged(self) -> list[Write]:
        """What the platform promised to have."""
        return [write for write in self.writes if write.identity]

    def wait_for(self, enough: Callable[[list[Write]], bool], what: str, seconds: float = 120) -> None:
        """Wait until what was written since now is `enough`."""
        start, deadline = len(self.writes), time.monotonic() + seconds
        while not enough(self.writes[start:]):
            since = collections.Counter(write.failure or "acknowledged" for write in self.writes[start:])
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}; since then {dict(since)}"
            time.sleep(0.1)

    def lost(self) -> list[str]:
        """Return what was acknowledged and cannot be downloaded now, as it was written."""
        with (
            trusting(self.url, self.token) as client,
            ThreadPoolExecutor(_CLIENTS, initializer=self.enter) as threads,
        ):
            found = threads.map(lambda write: self._is_there(client, write), self.acknowledged)
            return [line for line in found if line]

    def figures(self, since: float) -> str:
        """Say how long nothing could be relied on after `since`, and what that cost."""
        failed = [write for write in self.writes if write.failure and write.ended >= since]
        good_again = [w.ended for w in self.acknowledged if w.ended > max((f.ended for f in failed), default=since)]
        recovery = min(good_again, default=float("nan")) - since if failed else 0.0
        kinds = dict(collections.Counter(write.failure for write in failed))
        return (
            f"recovered after {recovery:.1f} s, {len(failed)} of {len(self.writes)} requests failed {kinds or ''},"
            f" {len(self.acknowledged)} acknowledged"
        )

    def client(self, _number: int) -> None:
        """Write one presentation after the other."""
        self.enter()
        with trusting(self.url, self.token) as client:
            while not self.over and len(self.writes) < _MOST_WRITES:
                self.writes.append(_write(client, f"Write {next(self._numbers)}"))
                time.sleep(_PAUSE_SECONDS)

    def _is_there(self, client: httpx.Client, write: Write) -> str:
        try:
            title = titles_in_download(client, write.identity)[0]
        except (AssertionError, httpx.HTTPError) as error:
            return f"{write.title} ({write.identity}): {error}"
        return "" if title == write.title else f"{write.title} ({write.identity}) has the title {title}"


def _write(client: httpx.Client, title: str) -> Write:
    try:
        answer = client.post(PRESENTATIONS, json=example(title))
    except httpx.HTTPError as error:
        return Write(time.monotonic(), title, "", type(error).__name__)
    if answer.status_code == httpx.codes.CREATED:
        return Write(time.monotonic(), title, answer.json()["id"])
    return Write(time.monotonic(), title, "", str(answer.status_code))
