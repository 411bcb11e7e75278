"""`migrate`: brings the database schema and the bucket to what this release needs.

Safe to run at any time, by any number of containers at once, and again.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine

from .dependencies.database import Transactions, create_engine, unavailable_on_error
from .dependencies.objects import S3Objects, create_store
from .errors import UnavailableError
from .schema import IncompatibleSchemaError, Schema, read_schema, schema_of, write_schema
from .settings import Settings, SettingsError, load_settings

LOCK = 0x51_1DE_6E
"""Any number, but always the same: whoever holds this advisory lock migrates."""
LOCK_SECONDS = 60
RETRY_SECONDS = 1.0


def migrate() -> int:
    """Run all steps, say in one line how it went, and return the exit code."""
    try:
        schema = asyncio.run(_migrate(_complete_settings()))
    except SettingsError as error:
        sys.stderr.write(f"migrate: configuration error: {error}\n")
        return 1
    except UnavailableError as error:
        sys.stderr.write(f"migrate: failed: {error}\n")
        return 1
    except IncompatibleSchemaError as error:
        sys.stderr.write(f"migrate: refused, and nothing was changed: {error}\n")
        return 1
    # Read by `make rollback`.
    sys.stdout.write(f"migrate: schema {json.dumps(schema)}\n")
    sys.stdout.write("migrate: the database schema and the bucket are up to date\n")
    return 0


def _complete_settings() -> Settings:
    settings = load_settings()
    if missing := settings.missing():
        raise SettingsError(
            "set " + ", ".join(name for names in missing.values() for name in names)
        )
    return settings


async def _migrate(settings: Settings) -> Schema:
    engine = create_engine(settings, Transactions.AS_BEGUN)
    deadline = time.monotonic() + settings.migrate_wait_seconds
    try:
        await _until(deadline, lambda: _connect(engine))
        schema = await _upgrade(engine)
        await _until(deadline, S3Objects(create_store(settings)).create_bucket)
    finally:
        await engine.dispose()
    return schema


async def _until(deadline: float, attempt: Callable[[], Awaitable[None]]) -> None:
    """Repeat an attempt until it works; at the deadline its own error is the best explanation."""
    while True:
        try:
            await attempt()
        except UnavailableError:
            if time.monotonic() >= deadline:
                raise
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def _connect(engine: AsyncEngine) -> None:
    with unavailable_on_error():
        async with engine.connect() as connection:
            await connection.execute(sa.text("SELECT 1"))


async def _upgrade(engine: AsyncEngine) -> Schema:
    """Apply all migrations in one transaction: they all happen, or none does."""
    with unavailable_on_error():
        async with engine.begin() as connection:
            # Bounds the wait for other migrations and for the locks of busy tables alike.
            await connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            return await connection.run_sync(_run_alembic)


def _run_alembic(connection: sa.Connection) -> Schema:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    own = schema_of(scripts)
    applied = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if applied is not None and applied not in known:
        return _after_a_newer_release(connection, own["head"], applied)
    command.upgrade(config, "head")
    write_schema(connection, own)
    return own


def _after_a_newer_release(connection: sa.Connection, own: str, applied: str) -> Schema:
    """Leave a schema alone that a newer release made and said that this one works on."""
    schema = read_schema(connection)
    if schema is None or own not in schema["compatible_with"]:
        raise IncompatibleSchemaError(
            f"the database is at revision {applied}, and a release of revision {own} does not work"
            " on it; roll forward, or restore the backup from before that migration"
        )
    return schema
