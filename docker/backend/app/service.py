"""What can be done with presentations, in an order that keeps every promise through a crash."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import structlog

from . import metrics
from .errors import NotFoundError, UnavailableError
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
    executor: Executor
    """Where files are built; its size bounds how many are built at once."""

    async def create(self, outline: Outline) -> Presentation:
        """Build, store and record; when this returns, both file and record are safe."""
        # Before anything is written: later on the cache must not be able to fail this any more.
        await self.cache.check()
        created_at = datetime.now(UTC)
        content = await self._build(outline, created_at)
        presentation = Presentation(
            id=uuid4(),
            title=outline.title,
            subtitle=outline.subtitle,
            slide_count=len(outline.slides) + 1,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            created_at=created_at,
        )
        # A failure after `begin` leaves a row that is never shown; `remove_leftovers` finds it.
        await self.repository.begin(presentation)
        await self.objects.put(presentation.object_key, content)
        await self.repository.complete(presentation.id)
        await self._remember(presentation)
        metrics.PRESENTATIONS_CREATED.inc()
        metrics.SLIDES_CREATED.inc(presentation.slide_count)
        metrics.BYTES_STORED.inc(presentation.size_bytes)
        return presentation

    async def get(self, presentation_id: UUID) -> Presentation:
        """Return a record, from the cache if it is there."""
        if cached := await self.cache.get(presentation_id):
            return cached
        presentation = await self.repository.get(presentation_id)
        if presentation is None:
            raise NotFoundError
        await self._remember(presentation)
        return presentation

    async def page(self, limit: int, after: Position | None) -> tuple[list[Presentation], bool]:
        """Return a page and whether there is more after it."""
        found = await self.repository.page(limit + 1, after)
        return found[:limit], len(found) > limit

    async def download(self, presentation_id: UUID) -> tuple[Presentation, File]:
        """Return a record and its file, already opened."""
        presentation = await self.get(presentation_id)
        file = await self.objects.open(presentation.object_key)
        return presentation, File(file.size_bytes, _counted(file.chunks))

    async def delete(self, presentation_id: UUID) -> None:
        """Make it disappear at once, then clean up. May be repeated after a failure."""
        await self.cache.announce_removal(presentation_id)
        if not await self.repository.begin_removal(presentation_id):
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

    async def _build(self, outline: Outline, created_at: datetime) -> bytes:
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(self.executor, build_file, outline, created_at)
        metrics.GENERATION_SECONDS.observe(time.monotonic() - started)
        return content

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
