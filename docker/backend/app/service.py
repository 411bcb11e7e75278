"""What can be done with presentations, in an order that keeps every promise through a crash."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import structlog

from . import metrics
from .builds import Builds
from .errors import NotFoundError, OverQuotaError, UnavailableError
from .model import (
    Cache,
    File,
    ObjectStore,
    Position,
    Presentation,
    Repository,
    Totals,
    object_key,
)
from .schemas import Outline
from .slides import build_file

LEFTOVERS_AT_ONCE = 50

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PresentationService:
    """The use cases, on whatever keeps records, files and copies."""

    repository: Repository
    cache: Cache
    objects: ObjectStore
    builds: Builds
    """Where files are built."""
    quota_bytes: int
    """What one owner may store."""

    async def create(self, outline: Outline, owner: str) -> Presentation:
        """Build, store and record; when this returns, both file and record are safe."""
        # Before anything is written: later on the cache must not be able to fail this any more.
        await self.cache.check()
        created_at = datetime.now(UTC)
        content = await self.builds.run(lambda: build_file(outline, created_at))
        presentation = Presentation(
            id=uuid4(),
            owner=owner,
            title=outline.title,
            subtitle=outline.subtitle,
            slide_count=len(outline.slides) + 1,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            created_at=created_at,
        )
        # A failure after `begin` leaves a row that is never shown; `remove_leftovers` finds it.
        if not await self.repository.begin(presentation, self.quota_bytes):
            raise OverQuotaError(self.quota_bytes)
        await self.objects.put(presentation.object_key, content)
        await self.repository.complete(presentation.id)
        await self._remember(presentation)
        metrics.PRESENTATIONS_CREATED.inc()
        metrics.SLIDES_CREATED.inc(presentation.slide_count)
        metrics.BYTES_STORED.inc(presentation.size_bytes)
        return presentation

    async def get(self, presentation_id: UUID, owner: str) -> Presentation:
        """Return a record, from the cache if it is there. What is another owner's is not there."""
        presentation = await self.cache.get(presentation_id)
        if presentation is None:
            presentation = await self.repository.get(presentation_id)
            if presentation is not None:
                await self._remember(presentation)
        if presentation is None or presentation.owner != owner:
            raise NotFoundError
        return presentation

    async def page(
        self, owner: str, limit: int, after: Position | None
    ) -> tuple[list[Presentation], bool]:
        """Return a page and whether there is more after it."""
        found = await self.repository.page(owner, limit + 1, after)
        return found[:limit], len(found) > limit

    async def download(self, presentation_id: UUID, owner: str) -> tuple[Presentation, File]:
        """Return a record and its file, already opened."""
        presentation = await self.get(presentation_id, owner)
        file = await self.objects.open(presentation.object_key)
        return presentation, File(file.size_bytes, _counted(file.chunks))

    async def delete(self, presentation_id: UUID, owner: str) -> None:
        """Make it disappear at once, then clean up. May be repeated after a failure."""
        await self.cache.announce_removal(presentation_id)
        if not await self.repository.begin_removal(presentation_id, owner):
            raise NotFoundError
        await self._finish_removal(presentation_id)
        metrics.PRESENTATIONS_DELETED.inc()

    async def remove_leftovers(self) -> int:
        """Finish what crashed or was cut off: uploads without an answer, removals half done."""
        leftovers = await self.repository.claim_leftovers(LEFTOVERS_AT_ONCE)
        for presentation_id in leftovers:
            await self._finish_removal(presentation_id)
        return len(leftovers)

    async def totals(self) -> Totals:
        """Return how much is kept."""
        return await self.repository.totals()

    async def _finish_removal(self, presentation_id: UUID) -> None:
        # The row goes last: as long as it is there, someone will come back for the file.
        await self.objects.delete(object_key(presentation_id))
        await self.repository.remove(presentation_id)

    async def _remember(self, presentation: Presentation) -> None:
        """Fill the cache. What is recorded stays true without it."""
        try:
            await self.cache.put(presentation)
        except UnavailableError as error:
            metrics.FAILURES.labels("fill_cache", "redis").inc()
            log.warning("cache_not_filled", reason=error.reason)


async def _counted(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk
    metrics.DOWNLOADS.inc()
