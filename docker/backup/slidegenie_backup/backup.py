"""The backup: everything into one folder with its manifest, then into the repository as one snapshot."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from . import manifest
from .cache import Cache
from .config import Config
from .console import megabytes, say
from .files import PATIENCE_SECONDS, only_one
from .journal import Journal, State
from .metrics import Metrics, now
from .objects import PART, Bucket, Stored, copy_all, keep_only, read_index, write_index
from .postgres import Server, dump
from .problems import Problem
from .process import run
from .repository import Repository, Taken
from .restic import FullError

SPOOL = "spool"
"""Folder for what is being backed up. Its objects stay, so that the next backup reads only what is new."""


def back_up(config: Config) -> None:
    """Take one backup.

    Raises:
        Problem: when it is not good; earlier snapshots are as they were.
    """
    metrics = Metrics(config, "backup")
    with metrics.run(config.work):
        _refuse_during_restore(config)
        what = _guarded(config, metrics)
    say(f"backed up {', '.join(what)} in {metrics.get('duration_seconds'):.1f} s")


def check(config: Config, percent: int) -> None:
    """Check the repository, reading `percent` of its data back; all of it, once a part of it was damaged."""
    metrics = Metrics(config, "backup")
    if metrics.get("data_check_success") == 0:
        percent = 100
    try:
        with only_one(config.work, PATIENCE_SECONDS):
            Repository(config).check(percent)
            metrics.set({"data_check_success": 1})
    except BaseException:
        # Also when it found no turn: nobody knows then whether the repository is whole.
        metrics.set({"data_check_success": 0})
        raise
    say(f"the repository is whole; {percent} % of its data was read back")


def _guarded(config: Config, metrics: Metrics) -> list[str]:
    if config.before:
        _hook("before", config.before, {})
    result = "failed"
    try:
        what = _into_repository(config, metrics)
        result = "succeeded"
    finally:
        if config.after:
            try:
                _hook("after", config.after, {"BACKUP_RESULT": result})
            except Problem as problem:
                say(str(problem))
    return what


def _into_repository(config: Config, metrics: Metrics) -> list[str]:
    repository, spool = Repository(config), config.work / SPOOL
    repository.open()
    # One that was killed left its own.
    _drop_passing(spool)
    try:
        content = _collect(config, spool)
        taken = _taken(repository, [spool, *config.volumes])
    finally:
        _drop_passing(spool)
    say(f"snapshot taken: {megabytes(taken.size)}, of which {megabytes(taken.added)} are new")
    if taken.unread:
        say(f"without {len(taken.unread)} files that cannot be read, the first: {taken.unread[0]}")
    what: list[str] = [part for part in ("postgres", "redis", "objects") if part in content]
    what += ["volumes"] if config.volumes else []
    about = {"size_bytes": taken.size, "added_bytes": taken.added, "unread_files": len(taken.unread)}
    metrics.succeeded(about, what)
    _tidy(config, repository, metrics)
    return what


def _taken(repository: Repository, paths: list[Path]) -> Taken:
    """Take the snapshot; on a full disk once more, when what the retention no longer keeps is gone."""
    try:
        return repository.backup(paths)
    except FullError as full:
        say(f"{full}; removing old snapshots, then once more")
        repository.forget(thrifty=True)
        return repository.backup(paths)


def _drop_passing(spool: Path) -> None:
    """Remove what no later backup uses: as large as the data, it would keep a full disk full."""
    for path in (spool / manifest.DUMP, spool / manifest.SNAPSHOT, *spool.glob(f"{manifest.FOLDER}/{PART}*")):
        path.unlink(missing_ok=True)


def _tidy(config: Config, repository: Repository, metrics: Metrics) -> None:
    """Old snapshots go and the repository is looked at; what goes wrong here leaves a good backup good."""
    for task, metric in (("forget", "retention_success"), ("check", "check_success")):
        try:
            getattr(repository, task)()
            metrics.set({metric: 1})
        except Problem as problem:
            metrics.set({metric: 0})
            say(str(problem))
    try:
        own = [snapshot for snapshot in repository.snapshots() if snapshot.host == config.stack]
        metrics.set({"snapshots": len(own), "repository_size_bytes": repository.size()})
    except Problem as problem:
        say(str(problem))


def _collect(config: Config, spool: Path) -> dict[str, Any]:
    """Fill the folder. The database comes first: what it names is in the bucket by then, unless it is deleted."""
    spool.mkdir(parents=True, exist_ok=True)
    known = _known(spool / manifest.INDEX)
    (spool / manifest.NAME).unlink(missing_ok=True)
    content: dict[str, Any] = {"stack": config.stack, "time": now(), "versions": _versions()}
    if "DATABASE_HOST" in config.variables:
        say("dumping the database")
        path = spool / manifest.DUMP
        facts = dump(Server.configured(config), path)
        content["postgres"] = manifest.described(path, **facts)
        content["versions"]["postgres"] = facts["database"]["server"]
        say(f"  {sum(table['rows'] for table in facts['tables'].values())} rows in {len(facts['tables'])} tables")
    if "BACKUP_REDIS_USER" in config.variables:
        path = spool / manifest.SNAPSHOT
        keys = Cache(config).save(path)
        content["redis"] = manifest.described(path, keys=keys)
        say(f"  {keys} keys of Redis")
    if "S3_ENDPOINT" in config.variables:
        say("copying the bucket")
        stored = copy_all(Bucket.configured(config), spool / manifest.FOLDER, known)
        keep_only(spool / manifest.FOLDER, stored)
        write_index(spool / manifest.INDEX, stored)
        total = sum(item.size for item in stored)
        content["objects"] = manifest.described(spool / manifest.INDEX, count=len(stored), bytes=total)
        say(f"  {len(stored)} objects, {megabytes(total)}")
    content["volumes"] = [volume.name for volume in config.volumes]
    manifest.write(spool, content)
    return content


def _known(index: Path) -> list[Stored]:
    """Return what the spool has; nothing when its index is damaged, and everything is read again."""
    try:
        return read_index(index)
    except Problem as problem:
        say(f"{problem}; the whole bucket is read again")
        return []


def _versions() -> dict[str, str]:
    asked = {"pg_dump": ["pg_dump", "--version"], "restic": ["restic", "version"]}
    return {name: run(command, task=f"{name} cannot be run").strip() for name, command in asked.items()}


def _hook(name: str, command: str, variables: dict[str, str]) -> None:
    say(f"running backup.{name}")
    done = subprocess.run(["sh", "-c", command], env=os.environ | variables, check=False)  # noqa: S603, S607 - the stack's own
    if done.returncode != 0:
        raise Problem(f"backup.{name} ended with exit code {done.returncode}: {command}")


def _refuse_during_restore(config: Config) -> None:
    if Journal(config.work).state is State.SWAPPING:
        raise Problem("a restore did not finish: run `make restore` again or restart this container, and it goes back")


def clear(folder: Path) -> None:
    """Remove a folder and what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
