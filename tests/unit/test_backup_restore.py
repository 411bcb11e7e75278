"""A restore that did not go through comes back to one of its two ends: names of databases and objects kept tell."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore
from slidegenie_backup import manifest, objects, postgres, restore
from slidegenie_backup.config import Config
from slidegenie_backup.objects import Bucket, copy_all
from slidegenie_backup.postgres import Server
from slidegenie_backup.problems import Problem
from slidegenie_backup.restore import Restore


class Databases:
    """Stands in for PostgreSQL: what each database holds, and which of them are closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.content = {"app": "old", "app_restored": "new"}
        self.closed: set[str] = set()
        monkeypatch.setattr(Server, "configured", lambda _: Server({}, "app"))
        monkeypatch.setattr(Server, "maintenance", self._maintenance)
        monkeypatch.setattr(postgres, "databases", lambda _: set(self.content))
        monkeypatch.setattr(postgres, "drop_database", lambda _, name: self._drop(name))
        monkeypatch.setattr(postgres, "let_in", lambda _, name: self.closed.discard(name))
        monkeypatch.setattr(postgres, "move_away", lambda _, name, new: self._rename(name, new, closed=True))
        monkeypatch.setattr(postgres, "move_in", lambda _, name, new: self._rename(name, new, closed=False))

    @contextmanager
    def _maintenance(self) -> Iterator[None]:
        yield

    def _drop(self, name: str) -> None:
        self.content.pop(name, None)
        self.closed.discard(name)

    def _rename(self, name: str, new: str, *, closed: bool) -> None:
        assert new not in self.content
        self.content[new] = self.content.pop(name)
        self.closed -= {name, new}
        self.closed |= {new} if closed else set()


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    return Databases(monkeypatch)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    made = MemoryStore()
    obstore.put(made, "a", b"old")
    obstore.put(made, "gone", b"old")
    monkeypatch.setattr(Bucket, "configured", lambda _: Bucket(made, "test"))
    return made


def content_of(store: MemoryStore) -> dict[str, bytes]:
    return {
        meta["path"]: bytes(obstore.get(store, meta["path"]).bytes()) for batch in obstore.list(store) for meta in batch
    }


@pytest.fixture
def config(tmp_path: Path) -> Config:
    variables = ("BACKUP_STACK", "RESTIC_REPOSITORY", "BACKUP_PLACE", "RESTIC_PASSWORD_FILE", "BACKUP_DEPUTY_FILE")
    return Config.read(dict.fromkeys(variables, "x") | {"BACKUP_WORK": str(tmp_path)})


@pytest.fixture(params=[["postgres", "objects"], ["objects"]], ids=["all", "objects"])
def prepared(request: pytest.FixtureRequest, config: Config, databases: Databases, store: MemoryStore) -> Restore:
    """Return a restore whose snapshot was read back: `a` is another one in it, and `gone` is not in it."""
    assert content_of(store)
    if "postgres" not in request.param:
        del databases.content["app_restored"]
    folder = config.work / "restore" / "files"
    saved = MemoryStore()
    obstore.put(saved, "a", b"new")
    objects.write_index(folder / manifest.INDEX, copy_all(Bucket(saved, "saved"), folder / manifest.FOLDER))
    manifest.write(folder, {"objects": manifest.described(folder / manifest.INDEX, count=1)})
    journal: dict[str, Any] = {"state": "prepared", "parts": request.param, "folder": str(folder)}
    (config.work / "restore" / "journal.json").write_text(json.dumps(journal))
    return Restore(config)


def test_what_was_there_before_stays_until_the_application_serves(
    prepared: Restore, databases: Databases, store: MemoryStore
) -> None:
    whole = "app_restored" in databases.content
    prepared.commit()
    assert databases.content == ({"app": "new", "app_previous": "old"} if whole else {"app": "old"})
    assert content_of(store) == {"a": b"new"}
    prepared.finish()
    assert databases.content == {"app": "new" if whole else "old"}
    assert databases.closed == set()
    assert not prepared.unfinished()


def test_what_was_committed_can_be_gone_back_from(prepared: Restore, databases: Databases, store: MemoryStore) -> None:
    prepared.commit()
    prepared.abandon()
    assert (databases.content, databases.closed) == ({"app": "old"}, set())
    assert content_of(store) == {"a": b"old", "gone": b"old"}
    assert not prepared.unfinished()


def test_going_back_that_was_killed_goes_on(
    prepared: Restore, databases: Databases, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared.commit()

    def killed(_: Bucket) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(restore, "look_all", killed)
        with pytest.raises(KeyboardInterrupt):
            prepared.abandon()
    assert "app" not in databases.content, "nothing can become healthy on half of it"
    prepared.settle()
    assert databases.content == {"app": "old"}
    assert content_of(store) == {"a": b"old", "gone": b"old"}


def test_a_restart_after_the_commit_keeps_what_may_have_been_written_to(
    prepared: Restore, databases: Databases, store: MemoryStore
) -> None:
    whole = "app_restored" in databases.content
    prepared.commit()
    prepared.settle()
    assert databases.content == {"app": "new" if whole else "old"}
    assert content_of(store) == {"a": b"new"}


def test_a_swap_that_fails_leaves_what_was_there(
    prepared: Restore, databases: Databases, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Restore, "_swap_cache", _refuse)
    with pytest.raises(Problem, match="Redis takes no snapshot"):
        prepared.commit()
    assert (databases.content, databases.closed) == ({"app": "old"}, set())
    assert content_of(store) == {"a": b"old", "gone": b"old"}


def _refuse(*_: object) -> None:
    raise Problem("Redis takes no snapshot")


@pytest.mark.usefixtures("store")
def test_no_room_to_keep_the_bucket_is_said_before_anything_stops(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "room", lambda _: 5)
    with pytest.raises(Problem, match=r"there is no room to keep what is in the bucket now: .* make room on its disk"):
        Restore(config)._refuse_without_room()
