"""The timers of the host: systemd's own checker reads the units, and a crontab keeps everybody else's lines."""

import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.settings import MaintenanceSettings, Settings, SettingsError, Weekday, parse_settings
from slidegenie.console import Problem
from slidegenie.maintenance import cleanup, schedule
from slidegenie.maintenance.records import ImageRecord, Ledger, Task
from slidegenie.maintenance.schedule import ScheduledTasks, without
from slidegenie.plan import Plan

from ..planned import BUILD
from ..plans import made_of, resource

LABEL = "slidegenie/prod"


def job(root: Path, *, as_root: bool = True, **settings: object) -> ScheduledTasks:
    return ScheduledTasks(
        label=LABEL,
        root=root,
        python=root / ".venv" / "bin" / "python",
        environment={"SLIDEGENIE_HOME": "/var/lib/slidegenie home"},
        settings=MaintenanceSettings.model_validate(settings),
        as_root=as_root,
    )


def test_each_task_has_a_timer_that_starts_its_service(tmp_path: Path) -> None:
    units = job(tmp_path, clean_on=Weekday.SATURDAY).units()
    assert sorted(units) == [
        f"slidegenie-prod-{task}.{kind}" for task in ("clean", "freshness", "scan") for kind in ("service", "timer")
    ]
    scan = units["slidegenie-prod-scan.service"]
    assert f'ExecStart="{tmp_path}/.venv/bin/python" "-m" "slidegenie" "--stack" "prod" "scan"\n' in scan
    assert 'Environment="SLIDEGENIE_HOME=/var/lib/slidegenie home"\n' in scan
    assert "NoNewPrivileges=yes\n" in scan
    calendars = {
        name: unit.partition("OnCalendar=")[2].split("\n")[0] for name, unit in units.items() if "timer" in name
    }
    assert calendars == {
        "slidegenie-prod-scan.timer": "*-*-* 02:00:00",
        "slidegenie-prod-clean.timer": "Sat *-*-* 03:00:00",
        "slidegenie-prod-freshness.timer": "Mon *-*-* 04:00:00",
    }


def test_a_users_own_units_ask_for_nothing_only_the_system_can_give(tmp_path: Path) -> None:
    assert "ProtectSystem" not in job(tmp_path, as_root=False).units()["slidegenie-prod-scan.service"]


def test_a_task_has_the_tmp_that_the_engine_sees(tmp_path: Path) -> None:
    """Tools in containers are given folders of it."""
    assert not [name for name, unit in job(tmp_path).units().items() if "PrivateTmp" in unit]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    root = tmp_path / "a checkout, 100% $HOME"
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/true")
    files = []
    for name, content in job(root).units().items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        files.append(str(tmp_path / name))
    # What is wrong with units of the machine is said too.
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)  # noqa: S607
    assert [line for line in done.stderr.splitlines() if "slidegenie-prod" in line or str(tmp_path) in line] == []


def test_a_crontab_has_the_tasks_once_and_keeps_what_others_wrote(tmp_path: Path) -> None:
    theirs = "MAILTO=ops@example.com\n5 1 * * * /usr/bin/theirs\n"
    once = job(tmp_path).crontab(theirs)
    assert job(tmp_path).crontab(once) == once
    assert without(once, "slidegenie-prod") == theirs
    assert [line.split(" cd ")[0] for line in once.splitlines() if " cd " in line] == [
        "0 2 * * *",
        "0 3 * * 0",
        "0 4 * * 1",
    ]
    assert "SLIDEGENIE_HOME='/var/lib/slidegenie home'" in once
    assert without(once, "slidegenie-dev") == once, "another stack's timers stay"


def test_a_percent_sign_does_not_end_the_line_for_cron(tmp_path: Path) -> None:
    assert r"100\%" in job(tmp_path / "100%").crontab("")


def fake(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without systemd and cron; tests add what they need."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv(
        "PATH", f"{tmp_path}/bin:/bin:/usr/bin" if shutil.which("crontab") is None else f"{tmp_path}/bin"
    )
    monkeypatch.setattr(schedule, "_folder", lambda: tmp_path / "units")
    monkeypatch.setattr(schedule, "_RUNNING", tmp_path / "systemd")
    for variable in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def test_where_systemd_runs_its_timers_are_installed_and_removed_again(host: Path) -> None:
    (host / "systemd").mkdir()
    fake(host / "bin", "systemctl", f'echo "$@" >> {host}/calls')
    assert schedule.install(LABEL, host, MaintenanceSettings()) == {
        Task.SCAN: 86400,
        Task.CLEAN: 604800,
        Task.FRESHNESS: 604800,
    }
    assert len(list((host / "units").iterdir())) == 6
    schedule.remove(LABEL)
    assert list((host / "units").iterdir()) == []
    calls = [line.removeprefix("--user ") for line in (host / "calls").read_text().splitlines()]
    names = [f"slidegenie-prod-{task.value}.timer" for task in Task]
    assert calls == [
        "daemon-reload",
        f"enable --now {' '.join(names)}",
        f"disable --now {' '.join(names)}",
        "daemon-reload",
    ]


def test_where_only_cron_is_there_the_crontab_gets_them(host: Path) -> None:
    table = host / "table"
    fake(host / "bin", "crontab", f'[ "$1" = -l ] && exec /bin/cat {table}; exec /bin/cat > {table}')
    table.write_text("1 1 * * * theirs\n", encoding="utf-8")
    schedule.install(LABEL, host, MaintenanceSettings())
    assert table.read_text().count("-m slidegenie") == 3
    schedule.remove(LABEL)
    assert table.read_text() == "1 1 * * * theirs\n"


def test_where_neither_is_there_the_lines_are_shown(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(host / "bin"))
    with pytest.raises(Problem, match="neither systemd nor cron is here") as problem:
        schedule.install(LABEL, host, MaintenanceSettings())
    assert str(problem.value).count("-m slidegenie") == 3


def test_a_passphrase_in_the_environment_is_refused_and_goes_into_no_unit(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host / "systemd").mkdir()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "very secret")
    with pytest.raises(Problem, match="set PULUMI_CONFIG_PASSPHRASE_FILE instead"):
        schedule.install(LABEL, host, MaintenanceSettings())
    assert not (host / "units").exists()


def test_a_systemctl_that_refuses_is_one_clear_line(host: Path) -> None:
    (host / "systemd").mkdir()
    fake(host / "bin", "systemctl", "echo 'Access denied' >&2; exit 1")
    with pytest.raises(Problem, match=r"daemon-reload` failed: Access denied"):
        schedule.install(LABEL, host, MaintenanceSettings())


@pytest.mark.parametrize("wrong", ["2:00", "24:00", "02:60", "soon"])
def test_a_time_that_is_none_is_one_clear_line(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"maintenance\.scanAt.*02:00"):
        parse_settings({"maintenance": {"scanAt": wrong}}, "Pulumi.prod.yaml")


# ---------------------------------------------------------------------------- what the monitoring is told


def series(ledger: Ledger) -> list[tuple[str, dict[str, str]]]:
    samples = (sample for family in ledger.metrics().collect() for sample in family.samples)
    return sorted(((sample.name, sample.labels) for sample in samples), key=str)


def test_the_ledger_says_what_succeeded_and_what_is_promised(tmp_path: Path) -> None:
    ledger = Ledger.of(tmp_path, LABEL)
    assert series(ledger) == []
    ledger.succeeded(Task.SCAN)
    ledger.scheduled({Task.SCAN: 86400, Task.CLEAN: 604800})
    assert series(ledger) == [
        ("slidegenie_maintenance_interval_seconds", {"task": "clean"}),
        ("slidegenie_maintenance_interval_seconds", {"task": "scan"}),
        ("slidegenie_maintenance_last_success_timestamp_seconds", {"task": "scan"}),
        ("slidegenie_maintenance_scheduled_timestamp_seconds", {"task": "clean"}),
        ("slidegenie_maintenance_scheduled_timestamp_seconds", {"task": "scan"}),
    ]
    assert ledger.metrics().get_sample_value("slidegenie_maintenance_interval_seconds", {"task": "scan"}) == 86400
    ledger.scheduled({})
    assert series(ledger) == [("slidegenie_maintenance_last_success_timestamp_seconds", {"task": "scan"})]


def test_an_image_whose_scan_failed_keeps_the_time_of_its_last_good_one(tmp_path: Path) -> None:
    ledger = Ledger.of(tmp_path, LABEL)
    assert ledger.scanned({"redis:8": 1000.0, "traefik:3": 0.0}) == {"redis:8": 1000.0, "traefik:3": 0.0}
    assert ledger.scanned({"redis:8": 0.0}) == {"redis:8": 1000.0}
    assert json.loads(ledger.file.read_text())["scanned"] == {"redis:8": 1000.0}, "what runs no more is forgotten"
    assert ledger.file.stat().st_mode & 0o077 == 0


# ---------------------------------------------------------------------------- cleaning
# `make clean`: what it asks the engine, and what it leaves.


_OLD = "2020-01-01T00:00:00Z"
_IMAGES = {"python:3.11-slim": "sha256:base", "python:3.10-slim": "sha256:before"}


def _built_on(base: str) -> Plan:
    return made_of([resource(BUILD, "app", tags=["slidegenie/app:1"], buildArgs={"PYTHON_IMAGE": base})])


def test_a_base_that_only_builds_need_stays_and_the_one_before_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []

    def docker(*args: str, **_options: Any) -> subprocess.CompletedProcess[str]:
        said = ""
        match args:
            case ("image", "ls", *_):
                said = "\n".join(_IMAGES.values())
            case ("image", "inspect", "--format", _, *names):
                said = "\n".join(_IMAGES[name] for name in names)
            case ("image", "inspect", *_):
                config = {"Created": _OLD, "Size": 1, "Config": {"Labels": None}}
                said = json.dumps([config | {"Id": key, "RepoTags": [name]} for name, key in _IMAGES.items()])
            case ("image", "rm", *names):
                removed.extend(names)
        return subprocess.CompletedProcess(args, 0, said, "")

    record = ImageRecord(tmp_path / "record.json")
    record.note_release(["sha256:app"])
    for name in _IMAGES:
        record.note_pulled(name)
    noted = json.loads(record.file.read_text())
    record.write(noted | {"pulled": dict.fromkeys(noted["pulled"], "2020-01-01T00:00:00+00:00")})
    monkeypatch.setattr(cleanup, "docker", docker)
    monkeypatch.setattr(cleanup, "inspect", lambda _ids: [])
    monkeypatch.setattr("slidegenie.maintenance.cleanup.cache_records", list)

    cleanup.clean(_built_on("python:3.11-slim"), Settings(), record, set(), dry=False)
    assert removed == ["python:3.10-slim"]


def test_a_container_that_could_not_be_removed_is_not_counted_as_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def docker(*args: str, **_options: Any) -> subprocess.CompletedProcess[str]:
        refused = args == ("rm", "held")
        return subprocess.CompletedProcess(args, int(refused), "", "driver failed to remove root filesystem\n")

    record = ImageRecord(tmp_path / "record.json")
    record.note_release(["sha256:app"])
    monkeypatch.setattr(cleanup, "docker", docker)
    monkeypatch.setattr(cleanup, "inspect", lambda _ids: [])
    monkeypatch.setattr(cleanup, "removable_containers", lambda *_: ["held", "gone"])
    monkeypatch.setattr("slidegenie.maintenance.cleanup.cache_records", list)

    cleanup.clean(_built_on("python:3.11-slim"), Settings(), record, set(), dry=False)
    said = capsys.readouterr()
    assert "container held stays: driver failed to remove root filesystem" in said.err
    assert "removed 1 containers, 0 images" in said.out
