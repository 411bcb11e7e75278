"""One backup or check as a whole: what it leaves on the disk, and what the monitoring is told, good or bad."""

import errno
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any, Self

import pytest
from slidegenie_backup import __main__ as driver
from slidegenie_backup import backup, manifest, postgres
from slidegenie_backup import metrics as metrics_module
from slidegenie_backup.config import Config
from slidegenie_backup.cron import longest_gap_seconds
from slidegenie_backup.drill import drill
from slidegenie_backup.files import only_one
from slidegenie_backup.metrics import Metrics
from slidegenie_backup.objects import (
    PART,
    Bucket,
    read_index,
)
from slidegenie_backup.postgres import Server
from slidegenie_backup.problems import Problem
from slidegenie_backup.repository import Repository, Taken
from slidegenie_backup.restic import FullError

from .driven import bucket, configured


def successes(metrics: Metrics) -> dict[str, float]:
    samples = [sample for family in metrics.collect() for sample in family.samples]
    return {one.labels["what"]: one.value for one in samples if one.name.endswith("last_success_timestamp_seconds")}


def test_metrics_outlive_the_container_and_are_what_prometheus_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1764278542.25)
    config = configured(tmp_path)
    Metrics(config, "backup").succeeded({"size_bytes": 7}, ["postgres", "objects"])
    Metrics(config, "backup").set({"snapshots": 3})
    lines = (tmp_path / "textfiles" / "slidegenie-backup.prom").read_text().splitlines()
    assert lines.count("# TYPE slidegenie_backup_last_success_timestamp_seconds gauge") == 1
    assert 'slidegenie_backup_last_success_timestamp_seconds{what="postgres"} 1.76427854225e+09' in lines
    assert 'slidegenie_backup_last_success_timestamp_seconds{what="objects"} 1.76427854225e+09' in lines
    assert "# HELP slidegenie_backup_size_bytes What the last good backup holds, before compression." in lines
    assert "slidegenie_backup_size_bytes 7.0" in lines
    assert "slidegenie_backup_snapshots 3.0" in lines
    assert "slidegenie_backup_success 1.0" in lines


def test_what_is_off_is_not_in_the_table_and_never_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    table = tmp_path / "crontab"
    monkeypatch.setattr(driver, "_CRONTAB", table)
    monkeypatch.setattr(driver, "_settle", lambda _: None)
    monkeypatch.setattr(os, "execvp", lambda _, arguments: started.append(arguments))
    config = configured(tmp_path, BACKUP_SCHEDULES='{"drill": "0 4 * * 0"}')
    driver.start(config)
    Metrics(config, "restore_drill").succeeded({})
    passed = Metrics(config, "restore_drill").get("last_success_timestamp_seconds")
    assert table.read_text() == "0 4 * * 0 python3 -m slidegenie_backup drill\n"
    assert Metrics(config, "restore_drill").get("interval_seconds") == pytest.approx(7 * 86400)

    driver.start(configured(tmp_path, BACKUP_SCHEDULES='{"drill": "off"}'))
    metrics = Metrics(config, "restore_drill")
    assert (table.read_text(), len(started)) == ("", 2)
    assert metrics.get("interval_seconds") is None
    assert metrics.get("scheduled_since_timestamp_seconds") is None
    assert metrics.get("last_success_timestamp_seconds") == passed is not None


def test_a_check_that_is_off_leaves_the_backup_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "crontab"
    monkeypatch.setattr(driver, "_CRONTAB", table)
    monkeypatch.setattr(driver, "_settle", lambda _: None)
    monkeypatch.setattr(os, "execvp", lambda *_: None)
    driver.start(configured(tmp_path, BACKUP_SCHEDULES='{"backup": "0 1 * * *", "check": "off"}'))
    assert table.read_text() == "0 1 * * * python3 -m slidegenie_backup backup\n"


def test_a_run_that_was_killed_has_failed_once_the_scheduler_starts_again(tmp_path: Path) -> None:
    metrics = Metrics(configured(tmp_path), "restore_drill")
    metrics.scheduled(86400)
    since = metrics.get("scheduled_since_timestamp_seconds")
    assert metrics.get("success") is None
    assert metrics.get("last_end_timestamp_seconds") == 0
    metrics.started()
    metrics.scheduled(3600)
    assert metrics.get("interval_seconds") == 3600
    assert metrics.get("success") == 0
    assert metrics.get("scheduled_since_timestamp_seconds") == pytest.approx(since, abs=0.001)
    metrics.succeeded({})
    metrics.scheduled(3600)
    assert metrics.get("success") == 1


def test_what_is_no_longer_backed_up_does_not_grow_old(tmp_path: Path) -> None:
    metrics = Metrics(configured(tmp_path), "backup")
    metrics.succeeded({}, ["postgres", "redis"])
    assert successes(metrics).keys() == {"postgres", "redis"}
    metrics.succeeded({}, ["postgres"])
    assert successes(Metrics(configured(tmp_path), "backup")).keys() == {"postgres"}


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no file grow and none be made, as on a full disk."""

    def refuse(path: Path, _: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(metrics_module, "write_whole", refuse)


@pytest.mark.usefixtures("full")
def test_a_failure_is_told_though_the_disk_is_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path)
    file = tmp_path / "textfiles" / "slidegenie-backup.prom"
    file.parent.mkdir()
    file.write_text("slidegenie_backup_success 1.000\nslidegenie_backup_size_bytes 123456789.000\n" + "#\n" * 500)
    with pytest.raises(Problem, match="a restore did not finish"):
        back_up_during_restore(config)
    assert "\nslidegenie_backup_success 0.0\n" in file.read_text()
    assert Metrics(config, "backup").get("size_bytes") == 123456789
    file.unlink()
    Metrics(config, "backup").failed()
    assert "the metrics cannot be written: No such file or directory" in capsys.readouterr().out


def back_up_during_restore(config: Config) -> None:
    (config.work / "restore").mkdir(parents=True)
    (config.work / "restore" / "journal.json").write_text('{"state": "swapping"}')
    backup.back_up(config)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let nobody wait in earnest: the last of these is what was slept."""
    slept = [0.0]
    monkeypatch.setattr(time, "sleep", lambda seconds: slept.append(slept[-1] + seconds))
    monkeypatch.setattr(time, "monotonic", lambda: slept[-1])
    return slept


@pytest.mark.parametrize(
    ("command", "job", "metric"),
    [
        (backup.back_up, "backup", "success"),
        (lambda config: backup.check(config, 10), "backup", "data_check_success"),
        (drill, "restore_drill", "success"),
    ],
    ids=["backup", "check", "drill"],
)
def test_a_run_that_finds_no_turn_within_an_hour_has_failed(
    tmp_path: Path, clock: list[float], command: Callable[[Config], None], job: str, metric: str
) -> None:
    config = configured(tmp_path)
    other = Metrics(config, job)
    other.set({metric: 1})
    with only_one(config.work):
        with pytest.raises(Problem, match="another backup, check, restore or drill is running; wait for it to end"):
            command(config)
        other.set({"duration_seconds": 7})
    assert clock[-1] == 3600
    assert Metrics(config, job).get(metric) == 0, "what runs meanwhile does not write over it"


def test_a_run_waits_in_one_line_for_the_one_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    monkeypatch.setattr(Repository, "check", lambda *_: None)
    with ExitStack() as other:
        other.enter_context(only_one(config.work))
        monkeypatch.setattr(time, "sleep", lambda _: other.close())
        backup.check(config, 10)
    assert capsys.readouterr().out.splitlines() == [
        "==> another backup, check, restore or drill is running: this waits for it to end",
        "==> the repository is whole; 10 % of its data was read back",
    ]
    assert Metrics(config, "backup").get("data_check_success") == 1


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        ("0 1 * * *", 24),
        ("30 2 * * 6", 7 * 24),
        ("30 2 * * 7", 7 * 24),
        ("0 */6 * * *", 6),
        ("0 8-18 * * 1-5", 62),
        ("*/15 * * * *", 0.25),
        ("0 1 1 * *", 31 * 24),
        ("0 1 1,15 * 0", 7 * 24),
        ("0 0 29 2 *", (4 * 365 + 1) * 24),
    ],
)
def test_a_schedule_says_how_long_there_may_be_none(expression: str, hours: float) -> None:
    assert longest_gap_seconds(expression) == hours * 3600


@pytest.mark.parametrize("expression", ["0 1 * *", "*/0 1 * * *", "0 5-1 * * *", "- 1 * * *", "0 0 31 2 *"])
def test_a_schedule_that_is_none_is_said_in_one_line(expression: str) -> None:
    with pytest.raises(Problem, match="the schedule must be five fields of cron"):
        longest_gap_seconds(expression)


def test_damage_in_the_data_stays_said_until_all_of_it_was_read_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def check_repository(_: object, percent: int = 0) -> None:
        asked.append(percent)
        if percent == 10:
            raise Problem("damaged")

    monkeypatch.setattr(Repository, "check", check_repository)
    monkeypatch.setattr(Repository, "forget", lambda _: None)
    monkeypatch.setattr(Repository, "snapshots", lambda _: [])
    monkeypatch.setattr(Repository, "size", lambda _: 0)
    config = configured(tmp_path)
    with pytest.raises(Problem, match="damaged"):
        backup.check(config, 10)
    night = Metrics(config, "backup")
    backup._tidy(config, Repository(config), night)
    assert (night.get("check_success"), night.get("data_check_success")) == (1, 0)
    backup.check(config, 10)
    assert asked == [10, 0, 100]
    assert Metrics(config, "backup").get("data_check_success") == 1


class FullRepository:
    """Stands in for a repository without room until old snapshots went, or for ever."""

    def __init__(self, *, room_after_forget: bool) -> None:
        self.steps: list[str] = []
        self._room_after_forget = room_after_forget

    def open(self) -> None:
        """There is one."""

    def backup(self, paths: list[Path]) -> Taken:
        self.steps.append("backup")
        assert (paths[0] / manifest.DUMP).is_file()
        if len(self.steps) == 1 or not self._room_after_forget:
            raise FullError("the disk of the repository is full")
        return Taken(1, 1, ("/volumes/x/a",))

    def forget(self, *, thrifty: bool = False) -> None:
        self.steps.append(f"forget{' thriftily' * thrifty}")


@pytest.mark.parametrize("room_after_forget", [True, False])
def test_a_full_repository_is_thinned_and_the_dump_never_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, room_after_forget: bool
) -> None:
    config, repository = configured(tmp_path), FullRepository(room_after_forget=room_after_forget)
    spool = config.work / backup.SPOOL

    def collect(_: Config, folder: Path) -> dict[str, Any]:
        assert not (folder / manifest.SNAPSHOT).exists()
        (folder / manifest.DUMP).write_text("large")
        return {"postgres": {}}

    monkeypatch.setattr(backup, "Repository", lambda _: repository)
    monkeypatch.setattr(backup, "_collect", collect)
    monkeypatch.setattr(backup, "_tidy", lambda *_: None)
    (spool / manifest.FOLDER).mkdir(parents=True)
    for left in (spool / manifest.SNAPSHOT, spool / manifest.FOLDER / f"{PART}1"):
        left.write_text("of a backup that was killed")
    with nullcontext() if room_after_forget else pytest.raises(Problem, match="the disk of the repository is full"):
        backup.back_up(config)
    assert repository.steps == ["backup", "forget thriftily", "backup"]
    assert [path for path in spool.rglob("*") if path.is_file()] == []
    metrics = Metrics(config, "backup")
    assert (metrics.get("success"), metrics.get("unread_files")) == ((1, 1) if room_after_forget else (0, None))


def test_a_damaged_index_of_the_spool_costs_one_full_reading_and_no_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, source = bucket(a=b"one")
    config = configured(tmp_path, S3_ENDPOINT="http://minio")
    spool = config.work / backup.SPOOL
    monkeypatch.setattr(Bucket, "configured", lambda _: source)
    monkeypatch.setattr(backup, "_versions", dict)
    spool.mkdir(parents=True)
    (spool / manifest.INDEX).write_text('{"key": "a", "si')
    with pytest.raises(Problem, match=r"objects\.jsonl is no list of objects: it is damaged"):
        read_index(spool / manifest.INDEX)
    assert backup._collect(config, spool)["objects"]["count"] == 1
    assert [item.key for item in read_index(spool / manifest.INDEX)] == ["a"]


def test_a_database_without_room_for_its_dump_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def ask(self, _: str) -> list[int]:
            return [5_000_000]

    monkeypatch.setattr(Server, "session", lambda _: Session())
    monkeypatch.setattr(postgres, "room", lambda _: 2_000_000)
    with pytest.raises(Problem, match=r"there is no room for the dump: the tables have 5\.0 MB, .* has 2\.0 MB free"):
        postgres.dump(Server({}, "x"), tmp_path / manifest.DUMP)
