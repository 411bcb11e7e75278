"""A restore into a running platform: all of it, or nothing.

`prepare` touches nothing that is in use: the snapshot is read back, checked, and its dump loaded into a database beside
the real one. `commit` runs while nobody writes. First the real database gets another name, so that no application can
become healthy in between; then objects change, each kept in a file before; last the new database gets the real name.
What was before stays beside it until `finish`, or takes its place again with `abandon`. Whenever that stops, what comes
next finds a journal, which says where it goes: back to how it was, unless what was restored is in use already.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from . import objects, postgres
from .backup import clear
from .cache import Cache
from .config import Config
from .console import megabytes, moment, say
from .files import only_one, room
from .journal import Journal, State
from .manifest import FOLDER, Manifest
from .objects import Bucket, Stored, copy_all, differing, in_parallel, look_all
from .postgres import Server, differences
from .problems import Problem
from .repository import Repository

PARTS = ("postgres", "objects")
"""What can be restored alone."""
_MOST_NAMED = 5


class Restore:
    """One restore, in steps that are programs of their own: the folder `restore` of the work volume links them."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._journal = Journal(config.work)
        self._folder = self._journal.folder
        self._files = self._folder / "files"
        self._undo = self._folder / "undo"

    def prepare(self, wanted: str, only: str | None) -> None:
        """Read a snapshot back and check it beside what is in use.

        Raises:
            Problem: when it cannot be restored; nothing was changed then.
        """
        with only_one(self._config.work):
            self._recover()
            self._refuse_remains()
            # What is full, locked or not ours to write can still be read.
            repository = Repository(self._config, read_only=True)
            repository.open()
            snapshot = repository.find(wanted)
            say(f"reading snapshot {snapshot.identity[:8]} of {snapshot.time[:16]} back")
            spool = next((path for path in snapshot.paths if path.endswith("/spool")), None)
            if spool is None:
                raise Problem(f"snapshot {snapshot.identity[:8]} holds no backup of ours: {', '.join(snapshot.paths)}")
            try:
                repository.restore(snapshot, self._files, only=[spool])
                self._prepare(Manifest.read(self._files / spool.lstrip("/")), only)
            except BaseException:
                self._drop()
                raise

    def commit(self) -> None:
        """Put what was prepared in the place of what is in use. Nobody may write meanwhile; `finish` ends it.

        Raises:
            Problem: when it failed; everything is as it was before then.
        """
        with self._alone():
            self._expect(State.PREPARED)
            noted = self._journal.read()
            content = Manifest.read(Path(noted["folder"]))
            started = time.monotonic()
            try:
                self._swap(content, noted["parts"])
            except Exception as error:
                self._go_back_after(error)
                raise
            say(f"restored {', '.join(noted['parts'])} in {time.monotonic() - started:.1f} s without the application")

    def unfinished(self) -> bool:
        """Tell whether a restore is prepared or was stopped in the middle."""
        return self._journal.state is not None

    def finish(self) -> None:
        """Remove what was before: what was restored serves."""
        with self._alone():
            self._expect(State.COMMITTED, State.KEPT)
            self._recover()

    def abandon(self) -> None:
        """Go back to how it was, whatever was under way; nobody may write meanwhile."""
        with self._alone():
            if self._journal.state is State.KEPT:
                self._keep()
            else:
                self._go_back()

    def settle(self) -> None:
        """End what was under way when the container stopped: what is committed may have been written to, and stays."""
        with self._alone():
            self._recover()

    def _alone(self) -> AbstractContextManager[None]:
        """Hold the work folder: a backup that came between two steps is waited for, or it would end the restore."""
        return only_one(self._config.work, patience_seconds=math.inf)

    def _expect(self, *states: State) -> None:
        if self._journal.state not in states:
            raise Problem("no restore is prepared; `make restore` does it all")

    def _refuse_remains(self) -> None:
        """Nobody knows what such a database belongs to, and this restore would take it for what was before."""
        if self._previous in self._databases():
            raise Problem(
                f"database {self._previous} is there, of a restore whose journal is gone: rename or drop it, once you"
                f" have seen that {self._real} is the one you want"
            )

    def _prepare(self, content: Manifest, only: str | None) -> None:
        parts = [part for part in content.parts() if only in (None, part)]
        if not parts:
            raise Problem(f"the snapshot holds {', '.join(content.parts())}, not {only}")
        content.check(parts)
        if "objects" in parts:
            self._refuse_without_room()
        if "postgres" in parts:
            self._load_beside(content)
        made = moment(content.content["time"])
        self._journal.begin(parts, content.folder)
        say(f"the snapshot is whole: {', '.join(parts)} as of {made}")

    def _refuse_without_room(self) -> None:
        """What is in the bucket now is kept in files while it changes."""
        size, free = _bucket_size(Bucket.configured(self._config)), room(self._config.work)
        if size > free:
            raise Problem(
                f"there is no room to keep what is in the bucket now: it has {megabytes(size)},"
                f" {self._config.work} has {megabytes(free)} free: make room on its disk"
            )

    def _load_beside(self, content: Manifest) -> None:
        server, noted = self._server(), content.content["postgres"]
        with server.maintenance() as session:
            postgres.drop_database(session, self._beside)
            postgres.make_database(session, self._beside, noted["database"])
        server.load(content.file("postgres"), self._beside)
        self._compare(noted, self._beside)
        say(f"the database is loaded beside the one in use, {len(noted['tables'])} tables as they were")

    def _compare(self, noted: dict[str, Any], database: str) -> None:
        with self._server().session(database) as session:
            if lines := differences(noted, session.facts()):
                raise Problem(f"the restored database is not what was backed up: {'; '.join(lines[:_MOST_NAMED])}")

    def _swap(self, content: Manifest, parts: list[str]) -> None:
        """Nothing in use is touched before what undoes it is on the disk, nor opened before the journal allows it."""
        bucket = Bucket.configured(self._config) if "objects" in parts else None
        wanted = content.objects() if bucket else []
        put: list[Stored] = []
        extra: list[Stored] = []
        if bucket:
            bucket.make_if_missing()
            before = copy_all(bucket, self._undo)
            put, extra = differing(wanted, before)
            objects.write_index(self._undo / "before.jsonl", before)
        with self._server().maintenance() as session:
            postgres.move_away(session, self._real, self._previous)
        self._journal.note(State.SWAPPING)
        if bucket:
            in_parallel(lambda item: bucket.put(item, content.folder / FOLDER), put)
            bucket.remove(item.key for item in extra)
            self._check_bucket(bucket, wanted)
            say(f"{len(put)} objects written, {len(extra)} removed, {len(wanted)} as they were backed up")
        self._swap_cache(content, parts)
        self._journal.note(State.COMMITTED)
        with self._server().maintenance() as session:
            postgres.move_in(session, self._beside if "postgres" in parts else self._previous, self._real)

    def _check_bucket(self, bucket: Bucket, wanted: list[Stored]) -> None:
        missing, extra = differing(wanted, look_all(bucket))
        if missing or extra:
            first = (missing or extra)[0].key
            raise Problem(f"{len(missing) + len(extra)} objects are not as they were backed up, the first is {first}")

    def _swap_cache(self, content: Manifest, parts: list[str]) -> None:
        if "BACKUP_REDIS_USER" not in self._config.variables:
            return
        if "redis" in parts:
            Cache(self._config).load(content.file("redis"))
        else:
            Cache(self._config).empty()

    def _recover(self) -> None:
        """Bring what an earlier step left to one of its two ends."""
        if self._journal.state in (State.COMMITTED, State.KEPT) and self._real in self._databases():
            self._keep()
        else:
            self._go_back()

    def _keep(self) -> None:
        """What was before goes only now."""
        self._turn(State.KEPT)
        with self._server().maintenance() as session:
            postgres.drop_database(session, self._previous)
        self._drop()

    def _go_back_after(self, error: Exception) -> None:
        try:
            self._go_back()
        except (Problem, OSError) as problem:
            raise Problem(
                f"{error}. Going back failed too, so the application stays closed: {problem}. Fix that and run"
                " `make restore` again: it goes back first"
            ) from error

    def _go_back(self) -> None:
        """Every step can be done again, so wherever this is killed, the next one goes on."""
        if self._journal.state is State.COMMITTED:
            # First of all, so that nobody keeps it when the rest fails.
            self._turn(State.SWAPPING)
        if self._journal.state is State.SWAPPING:
            say("going back to what was there before")
            self._close()
            self._put_back()
            # Once it is open, objects may be written, which nobody may put back.
            self._turn(State.PREPARED)
        self._open()
        self._drop()

    def _turn(self, state: State) -> None:
        """Note where it goes from here; on a full disk in the room of the snapshot, which neither end needs."""
        try:
            self._journal.note(state)
        except OSError:
            clear(self._files)
            self._journal.note(state)

    def _close(self) -> None:
        """Take the name from the database that has it: what was restored goes beside, what stayed becomes what was."""
        with self._server().maintenance() as session:
            present = postgres.databases(session)
            if self._real in present:
                new = self._beside if self._previous in present else self._previous
                postgres.move_away(session, self._real, new)

    def _put_back(self) -> None:
        if (before := self._undo / "before.jsonl").is_file():
            bucket = Bucket.configured(self._config)
            put, extra = differing(objects.read_index(before), look_all(bucket))
            in_parallel(lambda item: bucket.put(item, self._undo), put)
            bucket.remove(item.key for item in extra)
        if "BACKUP_REDIS_USER" in self._config.variables:
            # Its content could be of either; the application fills it again.
            _try(Cache(self._config).empty)
        say("everything is as it was before the restore")

    def _open(self) -> None:
        """Give the name to the database that was there before, unless it has it and only lets nobody in."""
        with self._server().maintenance() as session:
            present = postgres.databases(session)
            if self._real in present:
                postgres.let_in(session, self._real)
            elif self._previous in present:
                postgres.move_in(session, self._previous, self._real)

    def _drop(self) -> None:
        """Remove what nobody uses."""
        with self._server().maintenance() as session:
            postgres.drop_database(session, self._beside)
        clear(self._folder)

    def _databases(self) -> set[str]:
        with self._server().maintenance() as session:
            return postgres.databases(session)

    def _server(self) -> Server:
        return Server.configured(self._config)

    @property
    def _real(self) -> str:
        return self._server().database

    @property
    def _beside(self) -> str:
        return f"{self._real}_restored"

    @property
    def _previous(self) -> str:
        return f"{self._real}_previous"


def _bucket_size(bucket: Bucket) -> int:
    try:
        return bucket.size()
    except Problem:
        # It is made when it is missing; what else is wrong is said then.
        return 0


def _try(work: Callable[[], None]) -> None:
    try:
        work()
    except Problem as problem:
        say(str(problem))
