"""The backups as declared: what they may reach, what they know, and what is left when everything else goes."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components import parse_settings
from components.settings import SettingsError
from slidegenie import backups
from slidegenie.backups import Part
from slidegenie.compose.project import render_compose
from slidegenie.compose.vault import Vault
from slidegenie.console import Problem
from slidegenie.plan import Plan
from slidegenie.pulumi.state import StackState

from ..planned import (
    BUILD,
    NETWORK,
    PASSWORD,
    VOLUME,
    application,
    as_it_comes,
    environment,
    files_in,
    labels,
    plain,
    service,
    unwatched,
    workloads,
)

REMOTE = {
    "backup": {"repository": "s3:https://s3.example.com/backups"},
    "secrets": {"backupCredentials": {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden"}},
}


def one(plan: Plan, name: str) -> Any:
    (found,) = [container for container in workloads(plan) if service(container) == name]
    return found


def zones(plan: Plan, name: str) -> set[str]:
    by_name = {network.outputs["name"]: labels(network)["io.slidegenie.zone"] for network in plan.of_type(NETWORK)}
    return {by_name[network["name"]] for network in one(plan, name).inputs.get("networksAdvanced") or []}


def mounts(plan: Plan, name: str) -> dict[str, tuple[str, bool]]:
    return {
        mount["target"]: (mount["source"], bool(mount.get("readOnly"))) for mount in one(plan, name).inputs["mounts"]
    }


def secret_files(plan: Plan, name: str) -> set[str]:
    source = mounts(plan, name)["/run/secrets"][0]
    return set(files_in(plan, source))


def test_backups_are_on_unless_a_stack_says_otherwise() -> None:
    assert {"backup", "restore-drill"} <= {service(container) for container in workloads(as_it_comes())}
    off = application(redis={})
    assert not {"backup", "restore-drill"} & {service(container) for container in workloads(off)}
    assert not [volume for volume in off.of_type(VOLUME) if "backup" in volume.name]
    assert "user backup" not in files_in(off, "slidegenie-redis-secrets")["users.acl"]


def test_the_backup_has_no_way_out_and_the_drill_no_network_at_all() -> None:
    plan = as_it_comes()
    assert zones(plan, "backup") == {"data"}
    assert zones(plan, "restore-drill") == set()
    assert one(plan, "restore-drill").inputs["networkMode"] == "none"
    assert "networkMode" not in one(plan, "backup").inputs


def test_a_repository_elsewhere_opens_the_way_out_and_needs_no_volume() -> None:
    plan = unwatched(**REMOTE)
    assert zones(plan, "backup") == {"data", "application"}
    assert zones(plan, "restore-drill") == {"application"}
    assert "/repository" not in mounts(plan, "backup")
    variables = environment(one(plan, "backup"))
    assert variables["RESTIC_REPOSITORY"] == "s3:https://s3.example.com/backups"
    assert variables["BACKUP_CREDENTIALS_FILE"] == "/run/secrets/repository-credentials"
    assert "hidden" not in json.dumps([plain(container.inputs) for container in workloads(plan)])
    assert "repository-credentials" in secret_files(plan, "restore-drill")


def test_a_store_elsewhere_opens_the_way_out_for_the_backup_alone() -> None:
    plan = unwatched(
        storage={"external": {"endpoint": "https://s3.example.com"}},
        secrets={"storageAccessKey": "a", "storageSecretKey": "b"},
    )
    assert zones(plan, "backup") == {"data", "application"}
    assert zones(plan, "restore-drill") == set()


def test_a_backup_container_keeps_its_name_so_that_its_locks_are_known_as_its_own() -> None:
    plan = as_it_comes()
    names = {name: one(plan, name).inputs.get("hostname") for name in ("backup", "restore-drill", "postgres")}
    assert names == {
        "backup": "slidegenie-test-backup",
        "restore-drill": "slidegenie-test-restore-drill",
        "postgres": None,
    }
    text = render_compose(plan, Path("/x"), secrets_dir=Path("s"), files_dir=Path("f")).text
    assert "hostname: slidegenie-test-backup\n" in text


def test_the_drill_may_only_read_the_repository_and_knows_no_data_store() -> None:
    plan = as_it_comes()
    repository = "slidegenie-test-backups"
    assert mounts(plan, "backup")["/repository"] == (repository, False)
    assert mounts(plan, "restore-drill")["/repository"] == (repository, True)
    assert mounts(plan, "backup")["/work"][0] != mounts(plan, "restore-drill")["/work"][0]
    assert secret_files(plan, "restore-drill") == {"repository-password", "repository-deputy"}
    assert secret_files(plan, "backup") == {
        "repository-password", "repository-deputy", "postgres-password", "redis-backup-password",
        "storage-access-key", "storage-secret-key",
    }  # fmt: skip
    assert not [key for key in environment(one(plan, "restore-drill")) if key.startswith(("DATABASE", "S3", "REDIS"))]


def test_schedule_retention_and_hooks_arrive() -> None:
    plan = application(
        backup={
            "schedule": "15 3 * * *",
            "keepDaily": 3,
            "checkPercent": 100,
            "before": "echo $HOME",
            "drillSchedule": "0 5 1 * *",
        }
    )
    variables = environment(one(plan, "backup"))
    assert json.loads(variables["BACKUP_SCHEDULES"]) == {"backup": "15 3 * * *", "check": "30 2 * * 6"}
    assert json.loads(environment(one(plan, "restore-drill"))["BACKUP_SCHEDULES"]) == {"drill": "0 5 1 * *"}
    assert [variables[f"KEEP_{age}"] for age in ("DAILY", "WEEKLY", "MONTHLY")] == ["3", "4", "6"]
    assert (variables["CHECK_PERCENT"], variables["BACKUP_BEFORE"]) == ("100", "echo $HOME")
    assert "BACKUP_AFTER" not in variables


@pytest.mark.parametrize("written", ["*/0 1 * * *", "0 1 * *", "- 1 * * *", "0 1 * * * *"])
def test_a_schedule_that_is_none_is_refused_before_anything_runs(written: str) -> None:
    with pytest.raises(SettingsError, match=r"backup\.schedule: must be five fields of cron in UTC: "):
        parse_settings({"backup": {"schedule": written}}, "Pulumi.test.yaml")


def test_check_and_drill_can_be_off_and_the_container_of_the_drill_stays_for_who_runs_one_by_hand() -> None:
    plan = application(backup={"checkSchedule": "off", "drillSchedule": "off"})

    assert json.loads(environment(one(plan, "backup"))["BACKUP_SCHEDULES"]) == {"backup": "0 1 * * *", "check": "off"}
    assert json.loads(environment(one(plan, "restore-drill"))["BACKUP_SCHEDULES"]) == {"drill": "off"}


def test_metrics_go_where_the_monitoring_reads_them_and_nowhere_without_it() -> None:
    plan = as_it_comes()
    for name in ("backup", "restore-drill"):
        assert mounts(plan, name)["/textfiles"] == ("slidegenie-test-metrics", False)
    assert "/textfiles" not in mounts(application(backup={}), "backup")


def test_volumes_of_the_monitoring_are_taken_along_read_only() -> None:
    plan = application(monitoring={}, backup={"volumes": ["grafana", "alertmanager"]})
    assert mounts(plan, "backup")["/volumes/grafana"] == ("slidegenie-test-grafana", True)
    assert environment(one(plan, "backup"))["BACKUP_VOLUMES"] == "alertmanager,grafana"


def test_files_of_the_application_are_taken_along_without_being_asked_for() -> None:
    plan = application(
        backend={"volumes": {"uploads": "/app/uploads"}, "replicas": 1},
        monitoring={},
        backup={"volumes": ["grafana"]},
    )
    assert mounts(plan, "app")["/app/uploads"] == ("slidegenie-test-uploads", False)
    assert mounts(plan, "backup")["/volumes/uploads"] == ("slidegenie-test-uploads", True)
    assert environment(one(plan, "backup"))["BACKUP_VOLUMES"] == "grafana,uploads"


def test_files_of_the_application_lie_where_all_data_does() -> None:
    plan = application(backend={"volumes": {"uploads": "/app/uploads"}}, engine={"dataRoot": "/data"})
    (volume,) = (v for v in plan.of_type("docker:index/volume:Volume") if v.name == "slidegenie-app-uploads-data")
    assert volume.inputs["driverOpts"]["device"] == "/data/uploads"


def test_certificates_that_were_issued_are_taken_along() -> None:
    plan = application(backup={"volumes": ["certificates"]}, proxy={"tls": "acme", "domain": "slides.example.com"})
    assert mounts(plan, "backup")["/volumes/certificates"] == ("slidegenie-test-certificates", True)


def test_redis_gets_a_user_for_it_that_the_application_is_not() -> None:
    plan = as_it_comes()
    users = files_in(plan, "slidegenie-redis-secrets")["users.acl"].splitlines()
    (backup,) = [line for line in users if line.startswith("user backup ")]
    (own,) = [line for line in users if line.startswith("user slidegenie ")]
    assert backup.endswith(" ~* -@all +ping +info +dbsize +sync +psync +replconf +replicaof +flushall")
    assert backup.split()[3] != own.split()[3]
    assert "redis-backup-password" not in files_in(plan, "slidegenie-app-secrets")
    assert "BACKUP_REDIS_USER" not in environment(one(application(redis={}, backup={"redis": False}), "backup"))


def test_the_image_stands_on_the_database_and_compiles_its_scheduler_unless_one_is_given() -> None:
    images = {"postgres": "pg:16", "restic": "restic:1", "minio": "minio:1", "golang": "go:1"}
    (compiled,) = [b for b in application(backup={}, images=images).of_type(BUILD) if b.name == "slidegenie-backup"]
    assert compiled.inputs["buildArgs"] == {
        "POSTGRES_IMAGE": "pg:16", "RESTIC_IMAGE": "restic:1", "MINIO_IMAGE": "minio:1", "GOLANG_IMAGE": "go:1",
    }  # fmt: skip
    plan = application(backup={}, images=images | {"supercronic": "cron:1"})
    (given,) = [b for b in plan.of_type(BUILD) if b.name == "slidegenie-backup"]
    assert given.inputs["buildArgs"].keys() == {
        "POSTGRES_IMAGE", "RESTIC_IMAGE", "MINIO_IMAGE", "SUPERCRONIC_IMAGE", "SCHEDULER",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("section", "device"),
    [
        ({}, None),
        ({"engine": {"socketGroup": 9, "dataRoot": "/srv/data"}}, "/srv/data/backups"),
        ({"engine": {"socketGroup": 9, "dataRoot": "/srv/data"}, "backup": {"path": "/mnt/nas"}}, "/mnt/nas"),
    ],
)
def test_the_repository_is_where_the_settings_say(section: dict[str, Any], device: str | None) -> None:
    volume = application(**{"backup": {}} | section).named("slidegenie-backup-backups-data", VOLUME)
    assert (volume.inputs.get("driverOpts") or {}).get("device") == device
    assert volume.protect


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"backup": {"repository": "sftp:host:/x"}}, "backup.repository"),
        ({"backup": {"repository": "/mnt/x"}}, "backup.repository"),
        ({"backup": {"schedule": "daily"}}, "backup.schedule"),
        ({"backup": {"schedule": "0 1 * *"}}, "backup.schedule"),
        ({"backup": {"keepDaily": 0}}, "backup.keepDaily"),
        ({"backup": {"volumes": ["postgres"]}}, "backup.volumes"),
        ({"backup": {"repository": "s3:host/x", "path": "/x"}}, "repository and path exclude each other"),
        ({"backup": {"repository": "s3:host/x"}}, "secrets.backupCredentials: is required with backup.repository"),
        (
            {"backup": {"volumes": ["grafana"]}, "monitoring": {"enabled": False}},
            "'grafana' is no volume of this stack that could be taken along; there is none",
        ),
        (
            {"backup": {"volumes": ["certificates"]}},
            "backup.volumes: 'certificates' is no volume of this stack that could be taken along; there are",
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_key(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings(values, "Pulumi.test.yaml")
    assert said in str(refused.value)


def test_compose_leaves_the_repository_when_it_removes_volumes(tmp_path: Path) -> None:
    def volume(plan: Plan) -> Any:
        import yaml  # noqa: PLC0415 - here alone

        text = render_compose(plan, tmp_path, secrets_dir=Path("s"), files_dir=Path("f")).text
        return yaml.safe_load(text)["volumes"]["backups"]

    assert volume(as_it_comes()) == {"name": "slidegenie-test-backups", "external": True}
    bound = volume(application(backup={}, engine={"socketGroup": 9, "dataRoot": "/srv/data"}))
    assert bound["driver_opts"]["device"] == "/srv/data/backups"


def test_destroy_leaves_the_repository_and_its_password_and_nothing_else() -> None:
    plan = as_it_comes()
    resources = [
        {"urn": item.urn, "type": item.type, "inputs": plain(item.inputs), "protect": item.protect}
        for item in plan.resources
    ]
    state = StackState.of({"resources": resources})
    kept = {urn.rpartition("::")[2] for urn in state.backups()}
    assert kept == {"slidegenie-backup-backups-data", "slidegenie-backup-password"}
    assert set(state.backups()) < set(state.protected())
    assert len([r for r in resources if r["type"] == PASSWORD]) > 1


def test_the_vault_forgets_all_but_the_password_of_the_repository(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.json")
    assert not vault.knows("-backup-password")
    kept = vault.values(PASSWORD, "slidegenie-backup-password")
    assert vault.knows("-backup-password")
    lost = vault.values(PASSWORD, "slidegenie-postgres-password")
    vault.keep_only("-backup-password")
    assert vault.values(PASSWORD, "slidegenie-backup-password") == kept
    assert vault.values(PASSWORD, "slidegenie-postgres-password") != lost


class Engine:
    """Stands in for Docker: notes what is asked of it, lets steps fail, and Ctrl-C be pressed during one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *failing: str, interrupted: str = "") -> None:
        self.steps: list[str] = []
        self.sick = False
        self.migrations = "sha256:1"
        self._failing, self._interrupted = failing, interrupted
        monkeypatch.setattr(backups, "docker", self._docker)
        monkeypatch.setattr(backups, "containers", self._containers)
        monkeypatch.setattr(backups, "inspect", lambda ids: self._containers("") if ids and self.sick else [])
        monkeypatch.setattr(backups, "_START_SECONDS", -1)
        monkeypatch.setattr(subprocess, "run", self._run)

    def _docker(self, *args: str, **_: Any) -> "subprocess.CompletedProcess[str]":
        step = " ".join(args)
        if args[0] in ("stop", "start"):
            self.steps.append(step)
        if step in self._failing:
            return subprocess.CompletedProcess(args, 1, stdout="", stderr="refused: schema 9\n")
        out = "slidegenie_data\n" if args[:2] == ("network", "ls") else ""
        return subprocess.CompletedProcess(args, 0, stdout=out, stderr="")

    def _containers(self, _label: str, wanted: str = "", **_: Any) -> list[dict[str, Any]]:
        networks = {"traefik": "slidegenie_edge", "restore-drill": "none"}
        kinds = dict.fromkeys(("app", "postgres", "backup", "restore-drill", "traefik"), "server") | {"migrate": "job"}
        return [
            {
                "Id": name,
                "Name": name,
                "Image": self.migrations if name == "migrate" else "sha256:1",
                "State": {"Running": True, "Health": {"Status": "starting" if self.stopped() else "healthy"}},
                "Config": {"Labels": {"com.docker.compose.service": name, "io.slidegenie.role": kind}},
                "NetworkSettings": {"Networks": {networks.get(name, "slidegenie_data"): {"NetworkID": ""}}},
            }
            for name, kind in kinds.items()
            if wanted in ("", f"com.docker.compose.service={name}")
        ]

    def stopped(self) -> bool:
        return self.sick and "stop app" in self.steps

    def _run(self, command: list[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        step = " ".join(command[6:])
        self.steps.append(step)
        if step == self._interrupted:
            os.kill(os.getpid(), signal.SIGINT)
        return subprocess.CompletedProcess(command, int(step in self._failing))


PLAN = Plan("slidegenie", "test", [])


def restore(snapshot: str = "latest", *, only: Part | None = None, migrates: bool = True) -> None:
    backups.restore(PLAN, snapshot, only=only, migrates=migrates)


def test_a_restore_checks_first_then_stops_what_writes_and_starts_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(monkeypatch)
    restore("abcd", only=Part.OBJECTS)
    assert engine.steps == ["prepare abcd --only objects", "stop app", "commit", "start app", "finish"]


def test_an_older_schema_is_migrated_before_the_application_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(monkeypatch)
    restore()
    assert engine.steps == ["prepare latest", "stop app", "commit", "start --attach migrate", "start app", "finish"]


def test_a_migration_that_fails_on_what_was_restored_brings_back_what_was_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine(monkeypatch, "start --attach migrate")
    with pytest.raises(Problem, match=r"it goes back, since the migrations .* fail on what was restored: refused: sch"):
        restore()
    assert engine.steps[2:] == ["commit", "start --attach migrate", "stop app", "abandon", "start app"]


def test_an_application_that_is_not_healthy_on_what_was_restored_brings_back_what_was_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine(monkeypatch)
    engine.sick = True
    with pytest.raises(Problem, match=r"it goes back, since app, .* did not become healthy"):
        restore()
    assert engine.steps[4:] == ["start app", "stop app", "abandon", "start app"]


def test_migrations_of_a_release_that_did_not_come_up_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(monkeypatch)
    engine.migrations = "sha256:2"
    with pytest.raises(Problem, match=r"not those of the release that runs.*nothing was restored"):
        restore()
    assert engine.steps == []


def test_the_schema_can_be_left_as_it_was_for_a_rollback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Engine(monkeypatch)
    restore(migrates=False)
    assert engine.steps == ["prepare latest", "stop app", "commit", "start app", "finish"]
    assert "make rollback FORCE=yes" in capsys.readouterr().out


def test_a_snapshot_that_cannot_be_restored_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(monkeypatch, "prepare latest")
    with pytest.raises(Problem, match="`prepare` failed in container backup"):
        restore()
    assert engine.steps == ["prepare latest"]


def test_a_restore_that_failed_goes_back_and_the_application_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(monkeypatch, "commit")
    with pytest.raises(Problem, match="`commit` failed in container backup"):
        restore()
    assert engine.steps == ["prepare latest", "stop app", "commit", "abandon", "start app"]


def test_what_a_restore_left_closed_is_started_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(monkeypatch, "commit", "abandon")
    with pytest.raises(Problem, match="`abandon` failed in container backup"):
        restore()
    assert engine.steps[-1] == "start app", "it becomes healthy once somebody goes back"


def test_nobody_writes_to_what_is_to_be_gone_back_from(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(monkeypatch, "start --attach migrate", "abandon")
    with pytest.raises(Problem) as failed:
        restore()
    assert engine.steps[-2:] == ["stop app", "abandon"]
    assert str(failed.value).splitlines() == [
        "it goes back, since the migrations of the running release fail on what was restored: refused: schema 9",
        "`abandon` failed in container backup; the line above says why",
        "the application stays stopped: fix that and run `make restore` again, it goes back first",
    ]


def test_ctrl_c_before_anything_changed_drops_what_was_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(monkeypatch, interrupted="prepare latest")
    with pytest.raises(KeyboardInterrupt, match="nothing was restored"):
        restore()
    assert engine.steps == ["prepare latest", "abandon"]


def test_ctrl_c_does_not_abandon_what_the_next_restore_could_not_prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier one may be committed and in use."""
    engine = Engine(monkeypatch, "prepare latest", interrupted="prepare latest")
    with pytest.raises(Problem, match="`prepare` failed in container backup"):
        restore()
    assert engine.steps == ["prepare latest"]


def test_ctrl_c_does_not_hide_why_a_restore_went_back(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(monkeypatch, interrupted="commit")
    engine.sick = True
    with pytest.raises(Problem, match=r"it goes back, since app, .* did not become healthy"):
        restore()


@pytest.mark.parametrize(
    ("command", "step"),
    [(restore, "commit"), (lambda: backups.back_up(PLAN), "backup"), (lambda: backups.drill(PLAN), "drill")],
)
def test_what_ended_well_in_spite_of_ctrl_c_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: Callable[[], None], step: str
) -> None:
    engine = Engine(monkeypatch, interrupted=step)
    command()
    assert step in engine.steps
    assert "it is done, in spite of Ctrl-C: there is nothing to run again" in capsys.readouterr().out


def test_without_backups_the_commands_say_how_to_turn_them_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "containers", lambda *_, **__: [])
    with pytest.raises(Problem, match=r"no container restore-drill runs in stack test: set backup.enabled"):
        backups.drill(PLAN)


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({}, True),
        ({"engine": {"socketGroup": 9, "dataRoot": "/srv/data"}}, True),
        ({"backup": {"path": "/mnt/nas/backups"}}, False),
        (REMOTE, False),
    ],
)
def test_backups_beside_the_data_are_warned_of(
    settings: dict[str, Any], warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    backups._warn_of_one_disk(application(**{"backup": {}} | settings))
    assert ("a lost disk takes them along" in capsys.readouterr().err) is warned
