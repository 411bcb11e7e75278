"""PostgreSQL: the record of what exists.

A row is `pending` until its file is stored and `deleting` until its file is gone; only `ready` rows
are ever shown. So a crash at any point leaves a row that names what has to be cleaned up, never a
file nobody knows of and never a record without a file.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ..errors import UnavailableError, one_line
from ..model import ANSWER_SECONDS, Position, Presentation, Totals
from ..settings import Settings, SslMode, read_secret

ABANDONED_AFTER = timedelta(minutes=15)
"""Far longer than any request lives, so what is still unfinished then has no one working on it."""

metadata = sa.MetaData()

presentations = sa.Table(
    "presentations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("subtitle", sa.Text),
    sa.Column("slide_count", sa.Integer, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=False),
)

_SHOWN = (
    presentations.c.id,
    presentations.c.owner,
    presentations.c.title,
    presentations.c.subtitle,
    presentations.c.slide_count,
    presentations.c.size_bytes,
    presentations.c.sha256,
    presentations.c.created_at,
)


class Transactions(StrEnum):
    """What makes a transaction; the values are SQLAlchemy's isolation levels."""

    EACH_STATEMENT = "AUTOCOMMIT"
    """Every statement, by itself: no round trips for its begin and its end."""
    AS_BEGUN = "READ COMMITTED"
    """Whatever `engine.begin()` encloses."""


def create_engine(settings: Settings, transactions: Transactions) -> AsyncEngine:
    """Create an engine that gives up before a caller does: a 503 says what is away."""
    password_file = settings.database_password_file
    return create_async_engine(
        sa.URL.create(
            "postgresql+asyncpg",
            username=settings.database_user,
            host=settings.database_host,
            port=settings.database_port,
            database=settings.database_name,
        ),
        isolation_level=transactions.value,
        pool_size=5,
        max_overflow=5,
        pool_timeout=ANSWER_SECONDS,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={
            # A callable is asked on every connect, so a rotated password needs no restart.
            "password": (lambda: read_secret(password_file)) if password_file else None,
            "ssl": tls(settings),
            "timeout": ANSWER_SECONDS,
            "command_timeout": ANSWER_SECONDS,
            "server_settings": {"application_name": "slidegenie-backend"},
        },
    )


def tls(settings: Settings) -> ssl.SSLContext | str:
    """Return how TLS is used towards the server, as asyncpg takes it."""
    mode = settings.database_sslmode
    if mode not in (SslMode.VERIFY_CA, SslMode.VERIFY_FULL):
        return mode.value
    # The system's authorities (or SSL_CERT_FILE), where libpq would want a file in the home
    # directory, which this container has not.
    context = ssl.create_default_context(cafile=settings.database_sslrootcert)
    context.check_hostname = mode is SslMode.VERIFY_FULL
    return context


@contextmanager
def unavailable_on_error() -> Iterator[None]:
    """Turn failures of PostgreSQL and the way to it into `UnavailableError`; not our bugs."""
    try:
        yield
    except (sa.exc.IntegrityError, sa.exc.DataError):
        raise
    except (
        sa.exc.SQLAlchemyError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
        TimeoutError,
    ) as error:
        cause = getattr(error, "orig", None) or error
        raise UnavailableError("postgresql", one_line(cause)) from error


class Database:
    """The repository on PostgreSQL; each method is one statement, and so one transaction."""

    name = "postgresql"

    def __init__(self, settings: Settings) -> None:
        self._engine = create_engine(settings, Transactions.EACH_STATEMENT)

    async def check(self) -> None:
        """Read the very columns this release needs: an old schema counts as not available."""
        async with self._connection() as connection:
            await connection.execute(sa.select(presentations).limit(0))

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()

    async def begin(self, presentation: Presentation, quota_bytes: int) -> bool:
        """Insert the row as `pending`, where the sum of its owner's rows allows it.

        Every state counts: a file is there before its row is `ready` and after it is `deleting`.
        Requests of the same moment do not see each other's rows, so the quota can be exceeded by
        as many files as are built at once, and no further.
        """
        row: dict[str, Any] = {
            "id": presentation.id,
            "owner": presentation.owner,
            "state": "pending",
            "title": presentation.title,
            "subtitle": presentation.subtitle,
            "slide_count": presentation.slide_count,
            "size_bytes": presentation.size_bytes,
            "sha256": presentation.sha256,
            "created_at": presentation.created_at,
        }
        stored = (
            sa.select(sa.func.coalesce(sa.func.sum(presentations.c.size_bytes), 0))
            .where(presentations.c.owner == presentation.owner)
            .scalar_subquery()
        )
        values = [sa.literal(value, presentations.c[name].type) for name, value in row.items()]
        allowed = sa.select(*values, sa.func.now()).where(
            stored + presentation.size_bytes <= quota_bytes
        )
        insertion = presentations.insert().from_select([*row, "state_changed_at"], allowed)
        async with self._connection() as connection:
            return (await connection.execute(insertion)).rowcount == 1

    async def complete(self, presentation_id: UUID) -> None:
        """Turn `pending` into `ready`; fails if the row was given up in the meantime."""
        if not await self._change_state(presentation_id, ("pending",), "ready"):
            raise UnavailableError(self.name, "the presentation took too long and was given up")

    async def get(self, presentation_id: UUID) -> Presentation | None:
        """Return a `ready` row."""
        query = sa.select(*_SHOWN).where(
            presentations.c.id == presentation_id, presentations.c.state == "ready"
        )
        async with self._connection() as connection:
            row = (await connection.execute(query)).one_or_none()
        return _presentation(row) if row else None

    async def page(self, owner: str, limit: int, after: Position | None) -> list[Presentation]:
        """Continue after a key, not an offset: exact under inserts, every page costs the same."""
        order = (presentations.c.created_at, presentations.c.id)
        query = sa.select(*_SHOWN).where(
            presentations.c.owner == owner, presentations.c.state == "ready"
        )
        if after:
            query = query.where(sa.tuple_(*order) < (after.created_at, after.id))
        query = query.order_by(*(column.desc() for column in order)).limit(limit)
        async with self._connection() as connection:
            return [_presentation(row) for row in await connection.execute(query)]

    async def begin_removal(self, presentation_id: UUID, owner: str) -> bool:
        """Turn `ready` into `deleting`; a removal that was interrupted may be repeated."""
        return await self._change_state(
            presentation_id, ("ready", "deleting"), "deleting", presentations.c.owner == owner
        )

    async def remove(self, presentation_id: UUID) -> None:
        """Delete the row, unless it is shown."""
        async with self._connection() as connection:
            await connection.execute(
                presentations.delete().where(
                    presentations.c.id == presentation_id, presentations.c.state == "deleting"
                )
            )

    async def claim_leftovers(self, limit: int) -> list[UUID]:
        """Mark abandoned rows `deleting`. The new time keeps others off them for a while."""
        abandoned = (
            sa.select(presentations.c.id)
            .where(
                presentations.c.state != "ready",
                presentations.c.state_changed_at < sa.func.now() - ABANDONED_AFTER,
            )
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claim = (
            presentations.update()
            .where(presentations.c.id.in_(abandoned))
            .values(state="deleting", state_changed_at=sa.func.now())
            .returning(presentations.c.id)
        )
        async with self._connection() as connection:
            return [row.id for row in await connection.execute(claim)]

    async def totals(self) -> Totals:
        """Count and sum the `ready` rows."""
        query = sa.select(
            sa.func.count(), sa.func.coalesce(sa.func.sum(presentations.c.size_bytes), 0)
        ).where(presentations.c.state == "ready")
        async with self._connection() as connection:
            count, size = (await connection.execute(query)).one()
        return Totals(presentations=count, size_bytes=int(size))

    async def _change_state(
        self,
        presentation_id: UUID,
        allowed: tuple[str, ...],
        new: str,
        *further: sa.ColumnElement[bool],
    ) -> bool:
        change = (
            presentations.update()
            .where(
                presentations.c.id == presentation_id,
                presentations.c.state.in_(allowed),
                *further,
            )
            .values(state=new, state_changed_at=sa.func.now())
        )
        async with self._connection() as connection:
            return (await connection.execute(change)).rowcount == 1

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        with unavailable_on_error():
            async with self._engine.connect() as connection:
                yield connection


def _presentation(row: sa.Row[*tuple[Any, ...]]) -> Presentation:
    return Presentation(**row._asdict())
