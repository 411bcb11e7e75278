"""What the backend keeps about a presentation, and the shape of the services that keep it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

ANSWER_SECONDS = 5.0
"""How long a dependency may take for an answer, or for a connection. A busy machine answers late,
and a caller who waits is better served than one who is refused. A dependency that is really away
refuses connections, which takes no time."""


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """A finished presentation; it never changes, it can only be deleted."""

    id: UUID
    owner: str
    """Name of the token it was made with; nobody else sees it."""
    title: str
    subtitle: str | None
    slide_count: int
    size_bytes: int
    sha256: str
    created_at: datetime

    @property
    def object_key(self) -> str:
        """Where its file is in the bucket."""
        return object_key(self.id)


def object_key(presentation_id: UUID) -> str:
    """Return the key of a presentation's file, which is known before there is a file."""
    return f"presentations/{presentation_id}.pptx"


@dataclass(frozen=True)
class Position:
    """A place in the list, which is ordered from the newest to the oldest."""

    created_at: datetime
    id: UUID


@dataclass(frozen=True)
class Totals:
    """How much is kept."""

    presentations: int
    size_bytes: int


@dataclass(frozen=True)
class File:
    """A file on its way out: its length, and its content in pieces."""

    size_bytes: int
    chunks: AsyncIterator[bytes]


class Dependency(Protocol):
    """A service the backend cannot work without."""

    name: str
    """What problem documents, metrics and settings call it: `postgresql`, `redis` or `s3`."""

    async def check(self) -> None:
        """Prove that it answers, lets us in and holds what we need, or raise `UnavailableError`."""

    async def close(self) -> None:
        """Give back its connections."""


class Repository(Dependency, Protocol):
    """The record of all presentations: the one place that decides what exists."""

    async def begin(self, presentation: Presentation, quota_bytes: int) -> bool:
        """Note, invisibly, that a file is about to be stored under this id.

        False, and nothing is noted, if its owner would then store more than `quota_bytes`.
        """

    async def complete(self, presentation_id: UUID) -> None:
        """Make it visible; when this returns, it is safe to tell the caller so."""

    async def get(self, presentation_id: UUID) -> Presentation | None:
        """Return a visible presentation."""

    async def page(self, owner: str, limit: int, after: Position | None) -> list[Presentation]:
        """Return up to `limit` visible presentations of an owner, after a place in their list."""

    async def begin_removal(self, presentation_id: UUID, owner: str) -> bool:
        """Make it invisible for good; false if there was nothing of this owner's to remove."""

    async def remove(self, presentation_id: UUID) -> None:
        """Forget it, once its file is gone."""

    async def claim_leftovers(self, limit: int) -> list[UUID]:
        """Return ids that were begun or half removed and then abandoned, each to one caller."""

    async def totals(self) -> Totals:
        """Sum up what is visible."""


class Cache(Dependency, Protocol):
    """Recently used records, so that reading one needs no query. May lose anything at any time."""

    async def get(self, presentation_id: UUID) -> Presentation | None:
        """Return the record if it is there."""

    async def put(self, presentation: Presentation) -> None:
        """Keep the record for a while, unless its removal was announced."""

    async def announce_removal(self, presentation_id: UUID) -> None:
        """Drop the record, and refuse it for as long as a slow reader might still put it back."""


class ObjectStore(Dependency, Protocol):
    """The files themselves."""

    async def put(self, key: str, content: bytes) -> None:
        """Store a file; when this returns, it is stored."""

    async def open(self, key: str) -> File:
        """Start reading a file."""

    async def delete(self, key: str) -> None:
        """Delete a file; a file that is not there is fine."""


@dataclass(frozen=True)
class Dependencies:
    """The configured services. None means its settings are not given."""

    repository: Repository | None = None
    cache: Cache | None = None
    objects: ObjectStore | None = None

    def configured(self) -> list[Dependency]:
        """Return those that there are."""
        return [d for d in (self.repository, self.cache, self.objects) if d is not None]
