"""A restore that did not go through comes back to one of its two ends, wherever it was stopped."""

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore
from slidegenie_backup import journal, manifest, objects, postgres, restore
from slidegenie_backup.backup import clear
from slidegenie_backup.config import Config
from slidegenie_backup.files import only_one, write_whole
from slidegenie_backup.objects import Bucket, copy_all
from slidegenie_backup.postgres import Server
from slidegenie_backup.problems import Problem
from slidegenie_backup.restore import Restore

OLD = {"a": b"old", "gone": b"old"}
NEW = {"a": b"new"}
STEPS = range(18)
"""More than any command takes: the last of them stop nothing."""
UNREACHABLE = Problem("PostgreSQL: the server does not answer")


class Steps:
    """Counts what changes something, or asks for it, and lets nothing happen from one of these steps on."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._error: BaseException = Problem()

    def take(self) -> None:
        if self._left == 0:
            raise self._error
        if self._left is not None:
            self._left -= 1

    @contextmanager
    def stopped(self, after: int, error: BaseException) -> Iterator[None]:
        self._left, self._error = after, error
        with suppress(Problem, KeyboardInterrupt):
            yield
        self._left = None

    def before(self, monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> None:
        """Make a function a step."""
        real: Callable[..., Any] = getattr(where, name)

        def step(*args: Any) -> Any:
            self.take()
            return real(*args)

        monkeypatch.setattr(where, name, step)


class Databases:
    """Stands in for PostgreSQL: what each database holds, and which of them are closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: Steps) -> None:
        self.content = {"app": "old", "app_restored": "new"}
        self.closed: set[str] = set()
        self._steps = steps
        monkeypatch.setattr(Server, "configured", lambda _: Server({}, "app"))
        monkeypatch.setattr(Server, "maintenance", self._maintenance)
        monkeypatch.setattr(postgres, "databases", lambda _: self._names())
        monkeypatch.setattr(postgres, "drop_database", lambda _, name: self._drop(name))
        monkeypatch.setattr(postgres, "let_in", lambda _, name: self._let_in(name))
        monkeypatch.setattr(postgres, "move_away", lambda _, name, new: self._move_away(name, new))
        monkeypatch.setattr(postgres, "move_in", lambda _, name, new: self._move_in(name, new))

    def serves(self) -> str | None:
        return None if "app" in self.closed else self.content.get("app")

    @contextmanager
    def _maintenance(self) -> Iterator[None]:
        yield

    def _names(self) -> set[str]:
        self._steps.take()
        return set(self.content)

    def _drop(self, name: str) -> None:
        self._steps.take()
        self.content.pop(name, None)
        self.closed.discard(name)

    def _let_in(self, name: str) -> None:
        self._steps.take()
        assert name in self.content
        self.closed.discard(name)

    def _move_away(self, name: str, new: str) -> None:
        self._steps.take()
        self.closed.add(name)
        self._rename(name, new)

    def _move_in(self, name: str, new: str) -> None:
        self._let_in(name)
        self._rename(name, new)

    def _rename(self, name: str, new: str) -> None:
        self._steps.take()
        assert new not in self.content
        self.content[new] = self.content.pop(name)
        if name in self.closed:
            self.closed = self.closed - {name} | {new}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    variables = ("BACKUP_STACK", "RESTIC_REPOSITORY", "BACKUP_PLACE", "RESTIC_PASSWORD_FILE", "BACKUP_DEPUTY_FILE")
    return Config.read(dict.fromkeys(variables, "x") | {"BACKUP_WORK": str(tmp_path)})


class Prepared:
    """A restore whose snapshot was read back: `a` is another one in it, and `gone` is not in it."""

    def __init__(self, config: Config, parts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = Steps()
        self.databases = Databases(monkeypatch, self.steps)
        self.store = MemoryStore()
        self.new = "new" if "postgres" in parts else "old", NEW if "objects" in parts else OLD
        """Database and bucket as the snapshot has them, where that has them."""
        self.restore = Restore(config)
        self.folder = config.work / "restore"
        monkeypatch.setattr(Bucket, "configured", lambda _: Bucket(self.store, "test"))
        for key, content in OLD.items():
            obstore.put(self.store, key, content)
        if "postgres" not in parts:
            del self.databases.content["app_restored"]
        self._write(parts)
        for where, name in ((journal, "write_whole"), (restore, "look_all"), (Bucket, "put"), (Bucket, "remove")):
            self.steps.before(monkeypatch, where, name)
        monkeypatch.setattr(restore, "clear", self._clear)

    def objects(self) -> dict[str, bytes]:
        listed = [meta["path"] for batch in obstore.list(self.store) for meta in batch]
        return {key: bytes(obstore.get(self.store, key).bytes()) for key in listed}

    def serves(self) -> tuple[str, dict[str, bytes]] | None:
        """Return what an application finds, `None` when it cannot become healthy."""
        database = self.databases.serves()
        return (database, self.objects()) if database else None

    def write_where_it_is_as_before(self) -> dict[str, bytes]:
        """Do what an application does that starts again; return what it wrote."""
        written = {"a": b"later"} if self.serves() == ("old", OLD) else {}
        for key, content in written.items():
            obstore.put(self.store, key, content)
        return written

    def is_over(self) -> bool:
        return not (self.databases.closed or self.restore.unfinished()) and self.databases.content.keys() == {"app"}

    def _write(self, parts: list[str]) -> None:
        files = self.folder / "files"
        saved = MemoryStore()
        obstore.put(saved, "a", b"new")
        objects.write_index(files / manifest.INDEX, copy_all(Bucket(saved, "saved"), files / manifest.FOLDER))
        manifest.write(files, {"objects": manifest.described(files / manifest.INDEX, count=1)})
        noted: dict[str, Any] = {"state": "prepared", "parts": parts, "folder": str(files)}
        (self.folder / "journal.json").write_text(json.dumps(noted))

    def _clear(self, folder: Path) -> None:
        self.steps.take()
        # A kill leaves what it did not come to: the journal and the list of objects, and not their content.
        for content in (folder / "undo").glob("??"):
            shutil.rmtree(content)
        self.steps.take()
        clear(folder)


@pytest.fixture(params=[["postgres", "objects"], ["postgres"], ["objects"]], ids=["all", "postgres", "objects"])
def prepared(request: pytest.FixtureRequest, config: Config, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return Prepared(config, list(request.param), monkeypatch)


def prepare(restored: Restore) -> None:
    """Begin the next restore, of a snapshot that there is not."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(restore, "Repository", _refuse)
        with pytest.raises(Problem, match="no snapshot"):
            restored.prepare("0000dead", None)


def test_what_was_there_before_stays_until_the_application_serves(prepared: Prepared) -> None:
    prepared.restore.commit()
    assert prepared.serves() == prepared.new
    others = {"app_previous": "old"} if prepared.new[0] == "new" else {}
    assert prepared.databases.content == {"app": prepared.new[0]} | others
    prepared.restore.finish()
    assert prepared.serves() == prepared.new
    assert prepared.is_over()


def test_what_was_committed_can_be_gone_back_from(prepared: Prepared) -> None:
    prepared.restore.commit()
    prepared.restore.abandon()
    assert prepared.serves() == ("old", OLD)
    assert prepared.is_over()


@pytest.mark.parametrize("goes_on", [Restore.settle, prepare])
@pytest.mark.parametrize("step", STEPS[1:])
def test_going_back_that_was_stopped_goes_on_and_leaves_what_was_written_after_it(
    prepared: Prepared, goes_on: Callable[[Restore], None], step: int
) -> None:
    prepared.restore.commit()
    with prepared.steps.stopped(step, UNREACHABLE):
        prepared.restore.abandon()
    assert prepared.serves() in (None, prepared.new, ("old", OLD))
    later = prepared.write_where_it_is_as_before()
    goes_on(prepared.restore)
    assert prepared.serves() == ("old", OLD | later)
    assert prepared.is_over()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UNREACHABLE], ids=["killed", "failed"])
@pytest.mark.parametrize("goes_on", [Restore.settle, Restore.abandon])
@pytest.mark.parametrize("step", STEPS)
def test_a_commit_that_was_stopped_is_gone_back_from_unless_what_it_restored_may_be_in_use(
    prepared: Prepared, goes_on: Callable[[Restore], None], step: int, error: BaseException
) -> None:
    with prepared.steps.stopped(step, error):
        prepared.restore.commit()
    found = prepared.serves()
    assert found in (None, prepared.new, ("old", OLD))
    later = prepared.write_where_it_is_as_before()
    goes_on(prepared.restore)
    kept = found == prepared.new and goes_on is Restore.settle
    assert prepared.serves() == (prepared.new if kept else ("old", OLD | later))
    assert prepared.is_over()


@pytest.mark.parametrize("goes_on", [Restore.settle, Restore.abandon, prepare])
@pytest.mark.parametrize("step", STEPS[2:])
def test_what_was_finished_half_way_is_not_gone_back_from(
    prepared: Prepared, goes_on: Callable[[Restore], None], step: int
) -> None:
    prepared.restore.commit()
    with prepared.steps.stopped(step, UNREACHABLE):
        prepared.restore.finish()
    obstore.put(prepared.store, "later", b"later")
    goes_on(prepared.restore)
    assert prepared.serves() == (prepared.new[0], prepared.new[1] | {"later": b"later"})
    assert prepared.is_over()


def test_on_a_full_disk_the_journal_takes_the_room_of_the_snapshot(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared.restore.commit()

    def full(path: Path, text: str) -> None:
        if (prepared.folder / "files").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write_whole(path, text)

    monkeypatch.setattr(journal, "write_whole", full)
    prepared.restore.abandon()
    assert prepared.serves() == ("old", OLD)


def test_what_a_restore_without_a_journal_left_is_no_part_of_the_next_one(prepared: Prepared) -> None:
    (prepared.folder / "journal.json").unlink()
    left = {"app": "in use", "app_previous": "of whenever"}
    prepared.databases.content = dict(left)
    with pytest.raises(Problem, match="database app_previous is there, of a restore whose journal is gone"):
        prepared.restore.prepare("latest", None)
    assert prepared.databases.content == left


def test_a_backup_that_came_between_two_steps_is_waited_for(
    prepared: Prepared, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared.restore.commit()
    with ExitStack() as backup:
        backup.enter_context(only_one(config.work))
        monkeypatch.setattr(time, "sleep", lambda _: backup.close())
        prepared.restore.abandon()
    assert prepared.serves() == ("old", OLD)


def test_a_restart_after_the_commit_keeps_what_may_have_been_written_to(prepared: Prepared) -> None:
    prepared.restore.commit()
    prepared.restore.settle()
    assert prepared.serves() == prepared.new
    assert prepared.is_over()


def test_a_swap_that_fails_leaves_what_was_there(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Restore, "_swap_cache", _refuse)
    with pytest.raises(Problem, match="no snapshot"):
        prepared.restore.commit()
    assert prepared.serves() == ("old", OLD)
    assert prepared.is_over()


def _refuse(*_: object, **__: object) -> None:
    raise Problem("no snapshot")


@pytest.mark.usefixtures("prepared")
def test_no_room_to_keep_the_bucket_is_said_before_anything_stops(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "room", lambda _: 5)
    with pytest.raises(Problem, match=r"there is no room to keep what is in the bucket now: .* make room on its disk"):
        Restore(config)._refuse_without_room()
