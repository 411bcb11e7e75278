"""Migrations say which releases work on what they leave, and the newest one's word counts."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from app import migrate, schema

from .test_commands import BACKEND


def scripts(*back_to: str | None) -> ScriptDirectory:
    """Return migrations 1, 2, ... with these values of `compatible_back_to`."""
    made = [
        SimpleNamespace(revision=str(number), module=SimpleNamespace(compatible_back_to=value))
        for number, value in enumerate(back_to, start=1)
    ]
    return cast("Any", SimpleNamespace(walk_revisions=lambda: reversed(made)))


@pytest.mark.parametrize(
    ("back_to", "compatible"),
    [
        ((None,), ["1"]),
        ((None, "1"), ["1", "2"]),
        ((None, "2"), ["2"]),
        ((None, "1", "1"), ["1", "2", "3"]),
        ((None, "1", "2"), ["2", "3"]),
        # One that cannot be lived with stays so, whatever later ones say of themselves.
        ((None, "2", "1"), ["2", "3"]),
    ],
)
def test_a_release_must_live_with_every_migration_it_does_not_know(
    back_to: tuple[str | None, ...], compatible: list[str]
) -> None:
    assert schema.schema_of(scripts(*back_to)) == {
        "head": str(len(back_to)),
        "compatible_with": compatible,
    }


def test_a_migration_cannot_be_compatible_with_what_comes_after_it() -> None:
    with pytest.raises(ValueError, match="migration 1: compatible_back_to must be its own"):
        schema.schema_of(scripts("2", None))


def test_every_migration_here_says_how_far_back_a_release_may_go() -> None:
    config = Config()
    config.set_main_option("script_location", str(BACKEND / "app" / "migrations"))

    assert schema.schema_of(ScriptDirectory.from_config(config)) == {
        "head": "0002",
        "compatible_with": ["0001", "0002"],
    }


@pytest.mark.parametrize("note", [None, {"head": "9", "compatible_with": ["8", "9"]}])
def test_an_older_release_refuses_a_schema_that_does_not_name_it(
    note: schema.Schema | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "read_schema", lambda _connection: note)

    with pytest.raises(schema.IncompatibleSchemaError, match="roll forward, or restore"):
        migrate._after_a_newer_release(cast("Any", None), "7", "9")


def test_an_older_release_leaves_a_schema_alone_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note: schema.Schema = {"head": "9", "compatible_with": ["7", "8", "9"]}
    monkeypatch.setattr(migrate, "read_schema", lambda _connection: note)

    assert migrate._after_a_newer_release(cast("Any", None), "7", "9") == note
