"""What a database says of its schema: which revision it has, and which releases work on it."""

import json
from typing import Any, TypedDict

import sqlalchemy as sa
from alembic.script import ScriptDirectory


class Schema(TypedDict):
    """One state of the schema."""

    head: str
    """Revision of the newest migration that was applied."""
    compatible_with: list[str]
    """Newest revisions of the releases that work on it, this one's included."""


class IncompatibleSchemaError(Exception):
    """A newer release changed the schema in a way this one cannot live with."""


def schema_of(scripts: ScriptDirectory) -> Schema:
    """Return the schema that all migrations of this release lead to.

    A release works on it if every migration that it does not know allows that.
    """
    newest_first = list(scripts.walk_revisions())
    order = [script.revision for script in reversed(newest_first)]
    compatible, oldest = [], 0
    for script in newest_first:
        at = order.index(script.revision)
        back_to: Any = script.module.compatible_back_to or script.revision
        if back_to not in order[: at + 1]:
            raise ValueError(
                f"migration {script.revision}: compatible_back_to must be its own revision or an"
                f" earlier one; got {back_to!r}"
            )
        if at >= oldest:
            compatible.append(script.revision)
            oldest = max(oldest, order.index(back_to))
    return {"head": order[-1], "compatible_with": sorted(compatible, key=order.index)}


def write_schema(connection: sa.Connection, schema: Schema) -> None:
    """Leave a note for older releases: they do not know the migrations they are to live with."""
    text = json.dumps(schema).replace("'", "''")
    connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{text}'")


def read_schema(connection: sa.Connection) -> Schema | None:
    """Return the note that the newest release left; `None` when there is none."""
    query = sa.text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
    text = connection.execute(query).scalar()
    schema: Schema | None = json.loads(text) if text else None
    return schema
