"""In-memory services that can be switched off, at once or from a certain call on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

from app.errors import UnavailableError
from app.model import File, Position, Presentation, Totals


@dataclass
class _Fake:
    """Answers unless it is `away`, or the call is one of `failing`."""

    name: str = ""
    away: bool = False
    failing: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    closed: bool = False

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.away or call in self.failing:
            raise UnavailableError(self.name, "switched off")

    async def check(self) -> None:
        self._called("check")

    async def close(self) -> None:
        self.closed = True


@dataclass
class FakeRepository(_Fake):
    name: str = "postgresql"
    rows: dict[UUID, tuple[str, Presentation]] = field(default_factory=dict)
    abandoned: set[UUID] = field(default_factory=set)

    def states(self) -> list[str]:
        return [state for state, _ in self.rows.values()]

    async def begin(self, presentation: Presentation, quota_bytes: int) -> bool:
        self._called("begin")
        own = [row for _, row in self.rows.values() if row.owner == presentation.owner]
        if sum(row.size_bytes for row in (*own, presentation)) > quota_bytes:
            return False
        self.rows[presentation.id] = ("pending", presentation)
        return True

    async def complete(self, presentation_id: UUID) -> None:
        self._called("complete")
        self.rows[presentation_id] = ("ready", self.rows[presentation_id][1])

    async def get(self, presentation_id: UUID) -> Presentation | None:
        self._called("get")
        state, presentation = self.rows.get(presentation_id, ("", None))
        return presentation if state == "ready" else None

    async def page(self, owner: str, limit: int, after: Position | None) -> list[Presentation]:
        self._called("page")
        ready = [row for state, row in self.rows.values() if (state, row.owner) == ("ready", owner)]
        ready.sort(key=lambda row: (row.created_at, row.id), reverse=True)
        if after:
            ready = [r for r in ready if (r.created_at, r.id) < (after.created_at, after.id)]
        return ready[:limit]

    async def begin_removal(self, presentation_id: UUID, owner: str) -> bool:
        self._called("begin_removal")
        state, presentation = self.rows.get(presentation_id, ("", None))
        if presentation is None or state == "pending" or presentation.owner != owner:
            return False
        self.rows[presentation_id] = ("deleting", presentation)
        return True

    async def remove(self, presentation_id: UUID) -> None:
        self._called("remove")
        del self.rows[presentation_id]

    async def claim_leftovers(self, limit: int) -> list[UUID]:
        self._called("claim_leftovers")
        claimed = sorted(self.abandoned)[:limit]
        self.abandoned.difference_update(claimed)
        return claimed

    async def totals(self) -> Totals:
        self._called("totals")
        sizes = [row.size_bytes for state, row in self.rows.values() if state == "ready"]
        return Totals(len(sizes), sum(sizes))


@dataclass
class FakeCache(_Fake):
    name: str = "redis"
    records: dict[UUID, Presentation | None] = field(default_factory=dict)

    async def get(self, presentation_id: UUID) -> Presentation | None:
        self._called("get")
        return self.records.get(presentation_id)

    async def put(self, presentation: Presentation) -> None:
        self._called("put")
        self.records.setdefault(presentation.id, presentation)

    async def announce_removal(self, presentation_id: UUID) -> None:
        self._called("announce_removal")
        self.records[presentation_id] = None


@dataclass
class FakeObjects(_Fake):
    name: str = "s3"
    files: dict[str, bytes] = field(default_factory=dict)

    async def put(self, key: str, content: bytes) -> None:
        self._called("put")
        self.files[key] = content

    async def open(self, key: str) -> File:
        self._called("open")
        return File(len(self.files[key]), self._chunks(self.files[key]))

    async def delete(self, key: str) -> None:
        self._called("delete")
        self.files.pop(key, None)

    async def _chunks(self, content: bytes) -> AsyncIterator[bytes]:
        middle = len(content) // 2
        yield content[:middle]
        self._called("read on")
        yield content[middle:]
