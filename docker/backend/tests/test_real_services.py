"""Against the services that the environment names, as in the development container.

Whatever is made here is removed again; nothing else is touched.
"""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from app.access import DEFAULT_OWNER
from app.dependencies.cache import RedisCache, create_client
from app.dependencies.connect import connect
from app.dependencies.database import Database, Transactions, create_engine, presentations
from app.dependencies.objects import S3Objects, create_store
from app.errors import UnavailableError
from app.main import build_app
from app.model import Dependency, Position, Presentation
from app.runtime import Runtime
from app.settings import Settings, SettingsError, load_settings

from .conftest import OUTLINE

# Now, as every single test runs in an environment that says nothing.
ENVIRONMENT = dict(os.environ)
try:
    SETTINGS = load_settings()
except SettingsError:
    SETTINGS = Settings.model_construct()

pytestmark = pytest.mark.skipif(
    bool(SETTINGS.missing()), reason="the environment names no PostgreSQL, Redis and S3"
)

URL = "/api/v1/presentations"
ME = f"test-{uuid4().hex[:20]}"
"""The owner of what is made here, and of nothing else."""
QUOTA = 1_000_000
BACKEND = Path(__file__).parent.parent


@pytest.fixture(scope="module", autouse=True)
def migrated() -> None:
    """Migrate twice at the same time, as two replicas might."""
    command = [sys.executable, "-m", "app", "migrate"]
    runs = [
        subprocess.Popen(
            command, cwd=BACKEND, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(2)
    ]
    outputs = [run.communicate(timeout=90)[0].decode() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    said = (
        'migrate: schema {"head": "0002", "compatible_with": ["0001", "0002"]}\n'
        "migrate: the database schema and the bucket are up to date\n"
    )
    assert outputs == [said] * 2


def record() -> Presentation:
    return Presentation(
        id=uuid4(),
        owner=ME,
        title="Real",
        subtitle=None,
        slide_count=1,
        size_bytes=3,
        sha256="00",
        created_at=datetime.now(UTC),
    )


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    repository = Database(SETTINGS)
    yield repository
    await repository.close()


def with_database(scenario: Callable[[Database], Awaitable[None]]) -> None:
    async def run() -> None:
        async with database() as repository:
            await scenario(repository)

    asyncio.run(run())


def test_a_presentation_lives_and_dies_on_real_services(runtime: Runtime) -> None:
    with TestClient(
        build_app(SETTINGS.model_copy(update={"api_open": True}), connect(SETTINGS), runtime)
    ) as client:
        ready = client.get("/health/ready")
        assert ready.status_code == 200, ready.text

        created = client.post(URL, json=OUTLINE).json()
        shown = client.get(f"{URL}/{created['id']}").json()
        listed = client.get(URL, params={"limit": 1}).json()["items"][0]
        file = client.get(created["download_url"]).content
        deleted = client.delete(f"{URL}/{created['id']}").status_code
        gone = client.get(created["download_url"]).status_code

    assert created == shown == listed
    assert hashlib.sha256(file).hexdigest() == created["sha256"]
    assert (deleted, gone) == (204, 404)


def test_a_row_is_shown_only_between_completion_and_removal() -> None:
    new = record()

    async def scenario(repository: Database) -> None:
        await repository.begin(new, QUOTA)
        pending = await repository.get(new.id)
        await repository.complete(new.id)
        ready = await repository.get(new.id)
        removed = await repository.begin_removal(new.id, ME)
        deleting = await repository.get(new.id)
        again = await repository.begin_removal(new.id, ME)
        await repository.remove(new.id)

        assert (pending, ready, deleting) == (None, new, None)
        assert (removed, again, await repository.begin_removal(new.id, ME)) == (True, True, False)

    with_database(scenario)


def test_rows_of_the_same_instant_are_paged_without_loss() -> None:
    # In the future, so that they come first whatever else there is.
    instant = datetime.now(UTC) + timedelta(days=1)
    rows = sorted(
        (replace(record(), created_at=instant) for _ in range(4)), key=lambda row: row.id
    )[::-1]

    async def scenario(repository: Database) -> None:
        for row in rows:
            await repository.begin(row, QUOTA)
            await repository.complete(row.id)
        first = await repository.page(ME, 2, None)
        second = await repository.page(ME, 2, Position(first[-1].created_at, first[-1].id))
        for row in rows:
            await repository.begin_removal(row.id, ME)
            await repository.remove(row.id)

        assert first + second == rows

    with_database(scenario)


def test_an_owner_sees_and_removes_nothing_of_anothers() -> None:
    mine, yours = record(), replace(record(), owner=f"{ME}-too")

    async def scenario(repository: Database) -> None:
        for row in (mine, yours):
            await repository.begin(row, QUOTA)
            await repository.complete(row.id)
        pages = [await repository.page(row.owner, 10, None) for row in (mine, yours)]
        refused = await repository.begin_removal(mine.id, yours.owner)
        still = await repository.get(mine.id)
        for row in (mine, yours):
            await repository.begin_removal(row.id, row.owner)
            await repository.remove(row.id)

        assert pages == [[mine], [yours]]
        assert (refused, still) == (False, mine)

    with_database(scenario)


def test_a_row_beyond_its_owners_quota_is_not_written() -> None:
    first, second, more = (replace(record(), size_bytes=40) for _ in range(3))
    others = replace(record(), owner=f"{ME}-too", size_bytes=100)

    async def scenario(repository: Database) -> None:
        noted = [await repository.begin(row, 100) for row in (first, second, more, others)]
        # What is not finished, and what is not gone, takes its place as well.
        await repository.complete(first.id)
        await repository.begin_removal(first.id, ME)
        deleting = await repository.begin(more, 100)
        await repository.remove(first.id)
        gone = await repository.begin(more, 100)
        for row in (second, more, others):
            await repository.complete(row.id)
            await repository.begin_removal(row.id, row.owner)
            await repository.remove(row.id)

        assert (noted, deleting, gone) == ([True, True, False, True], False, True)

    with_database(scenario)


def test_the_release_before_goes_on_writing_rows_and_they_are_the_default_owners() -> None:
    old = record()
    columns = [column.name for column in presentations.columns if column.name != "owner"]

    async def scenario(repository: Database) -> None:
        engine = create_engine(SETTINGS, Transactions.AS_BEGUN)
        async with engine.begin() as connection:
            await connection.execute(
                sa.text(
                    f"INSERT INTO presentations ({', '.join(columns)})"  # noqa: S608 - our names
                    " VALUES (:id, 'ready', 'Old', NULL, 1, 3, '00', now(), now())"
                ),
                {"id": old.id},
            )
        await engine.dispose()
        found = await repository.get(old.id)
        await repository.begin_removal(old.id, DEFAULT_OWNER)
        await repository.remove(old.id)

        assert found is not None
        assert found.owner == DEFAULT_OWNER

    with_database(scenario)


async def _age(row: Presentation) -> None:
    engine = create_engine(SETTINGS, Transactions.AS_BEGUN)
    async with engine.begin() as connection:
        await connection.execute(
            presentations.update()
            .where(presentations.c.id == row.id)
            .values(state_changed_at=sa.func.now() - timedelta(hours=1))
        )
    await engine.dispose()


def test_an_abandoned_row_is_claimed_by_one_and_can_no_longer_be_completed() -> None:
    abandoned, fresh = record(), record()

    async def scenario(repository: Database) -> None:
        await repository.begin(abandoned, QUOTA)
        await repository.begin(fresh, QUOTA)
        await _age(abandoned)
        claims = await asyncio.gather(*(repository.claim_leftovers(1000) for _ in range(4)))
        claimed = [row for claim in claims for row in claim]
        with pytest.raises(UnavailableError, match="given up"):
            await repository.complete(abandoned.id)
        await repository.remove(abandoned.id)
        await repository.complete(fresh.id)
        await repository.begin_removal(fresh.id, ME)
        await repository.remove(fresh.id)

        assert claimed.count(abandoned.id) == 1
        assert fresh.id not in claimed

    with_database(scenario)


def test_a_slow_reader_cannot_put_a_removed_record_back() -> None:
    async def scenario() -> tuple[Presentation | None, Presentation | None]:
        cache = RedisCache(create_client(SETTINGS))
        kept, removed = record(), record()
        await cache.put(kept)
        await cache.announce_removal(removed.id)
        await cache.put(removed)
        found = await cache.get(kept.id), await cache.get(removed.id)
        await cache.announce_removal(kept.id)
        await cache.close()
        assert found[0] == kept
        return found

    assert asyncio.run(scenario())[1] is None


def test_a_file_is_read_back_as_it_was_and_may_be_deleted_twice() -> None:
    async def scenario() -> bytes:
        objects = S3Objects(create_store(SETTINGS))
        key, content = f"test/{uuid4()}", os.urandom(1_000_000)
        await objects.put(key, content)
        file = await objects.open(key)
        read = b"".join([chunk async for chunk in file.chunks])
        await objects.delete(key)
        await objects.delete(key)
        with pytest.raises(UnavailableError):
            await objects.open(key)
        assert file.size_bytes == len(content)
        assert read == content
        return read

    assert asyncio.run(scenario())


def reason(dependency: Dependency) -> str:
    async def scenario() -> str:
        with pytest.raises(UnavailableError) as error:
            await dependency.check()
        await dependency.close()
        return error.value.reason

    return asyncio.run(scenario())


def test_a_wrong_password_keeps_a_release_from_starting_and_is_not_shown(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("swordfish")
    settings = SETTINGS.model_copy(
        update={
            "database_password_file": wrong,
            "redis_password_file": wrong,
            "s3_secret_key_file": wrong,
        }
    )

    reasons = [reason(dependency) for dependency in connect(settings).configured()]

    assert len(reasons) == 3
    assert "swordfish" not in str(reasons)


def test_a_bucket_that_is_missing_is_an_outage() -> None:
    settings = SETTINGS.model_copy(update={"s3_bucket": f"missing-{uuid4()}"})

    assert reason(S3Objects(create_store(settings)))
