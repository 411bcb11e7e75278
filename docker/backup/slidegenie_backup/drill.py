"""The restore drill: the newest snapshot into servers of its own, which nothing else can reach, then all is counted."""

import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import postgres
from .backup import clear
from .config import Config
from .console import moment, say
from .manifest import FOLDER, Manifest
from .metrics import Metrics
from .objects import Bucket, differing, in_parallel, look_all
from .postgres import Server, differences
from .problems import Problem
from .process import last_words, run
from .repository import Repository

_DATABASE = "drill"
_MINIO = "127.0.0.1:9000"
_START_SECONDS = 60
_MOST_NAMED = 5


def drill(config: Config) -> None:
    """Restore the newest snapshot on trial.

    Raises:
        Problem: when what came back is not what was backed up.
    """
    metrics = Metrics(config, "restore_drill")
    folder = config.work / "drill"
    with metrics.run(config.work):
        try:
            clear(folder)
            _drill(config, folder)
        finally:
            clear(folder)
        metrics.succeeded({})
    say(f"the drill is passed, in {metrics.get('duration_seconds'):.1f} s")


def _drill(config: Config, folder: Path) -> None:
    repository = Repository(config, read_only=True)
    repository.open()
    snapshot = repository.find("latest")
    say(f"restoring snapshot {snapshot.identity[:8]} of {snapshot.time[:16]} on trial")
    files = folder / "files"
    repository.restore(snapshot, files)
    found = next(files.rglob("spool/manifest.json"), None)
    if found is None:
        raise Problem(f"snapshot {snapshot.identity[:8]} has no manifest: it is not one of ours, or not whole")
    content = Manifest.read(found.parent)
    content.check(content.parts())
    say(f"  its files are whole: {', '.join(content.parts())} as of {moment(content.content['time'])}")
    if "postgres" in content.parts():
        _database(content, folder / "postgres")
    if "objects" in content.parts():
        _bucket(content, folder)
    for volume in content.content["volumes"]:
        if not (files / "volumes" / volume).is_dir():
            raise Problem(f"the snapshot lacks volume {volume}")


def _database(content: Manifest, folder: Path) -> None:
    noted = content.content["postgres"]
    with _postgres(folder) as server:
        with server.maintenance() as session:
            postgres.make_database(session, _DATABASE, noted["database"])
        server.load(content.file("postgres"), _DATABASE)
        with server.session() as session:
            lines = differences(noted, session.facts())
    if lines:
        raise Problem(f"the restored database is not what was backed up: {'; '.join(lines[:_MOST_NAMED])}")
    rows = sum(table["rows"] for table in noted["tables"].values())
    say(f"  the database came back: {rows} rows in {len(noted['tables'])} tables, every checksum the same")


def _bucket(content: Manifest, folder: Path) -> None:
    wanted = content.objects()
    key, secret = secrets.token_hex(10), secrets.token_hex(20)
    bucket = Bucket.at(f"http://{_MINIO}", "drill", key, secret)
    with _minio(folder / "minio", key, secret):
        # It answers before it takes anything.
        _wait(bucket.make)
        in_parallel(lambda item: bucket.put(item, content.folder / FOLDER), wanted)
        missing, extra = differing(wanted, look_all(bucket))
    if missing or extra:
        raise Problem(
            f"{len(missing)} of {len(wanted)} objects did not come back, the first: {(missing or extra)[0].key}"
        )
    say(f"  the bucket came back: {len(wanted)} objects, every checksum the same")


@contextmanager
def _postgres(folder: Path) -> Iterator[Server]:
    """Run a PostgreSQL that listens to a socket in a private folder, and to no network."""
    run(
        ["initdb", f"--pgdata={folder}", "--username=slidegenie", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        task="the drill's database cannot be made",
    )
    # A path of a socket is short: /work may be deep.
    with tempfile.TemporaryDirectory() as sockets:
        options = ("listen_addresses=", f"unix_socket_directories={sockets}", "fsync=off", "shared_buffers=32MB")
        command = ["postgres", "-D", str(folder), *(part for option in options for part in ("-c", option))]
        with _running(command, {}):
            where = {"PGHOST": sockets, "PGUSER": "slidegenie"}
            _wait(lambda: run(["pg_isready", "-q"], where, task="the drill's database does not start"))
            yield Server(where, _DATABASE)


@contextmanager
def _minio(folder: Path, key: str, secret: str) -> Iterator[None]:
    """Run a MinIO on the loopback interface of a container that has no other."""
    variables = {
        "MINIO_ROOT_USER": key,
        "MINIO_ROOT_PASSWORD": secret,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "HOME": str(folder.parent),
        "GOMEMLIMIT": "200MiB",
    }
    folder.mkdir(parents=True)
    with _running(["minio", "server", str(folder), "--address", _MINIO, "--quiet"], variables):
        yield


@contextmanager
def _running(command: list[str], variables: dict[str, str]) -> Iterator[None]:
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(  # noqa: S603 - no shell
            command, env=os.environ | variables, stdout=said, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield
        except Problem as problem:
            if process.poll() is not None:
                said.seek(0)
                raise Problem(f"{problem} ({command[0]} ended: {last_words(said.read())})") from None
            raise
        finally:
            process.terminate()
            process.wait()


def _wait(works: Callable[[], object]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            works()
        except Problem:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
