"""Data that is there already and that a stack has no password for: seen before anything is changed."""

import functools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components import DataVolume, DataVolumeArgs, Foundation
from components.containers import existing_data
from components.containers.existing_data import Place, UnseenError
from components.core.engine import DockerEngine
from slidegenie.console import Problem
from slidegenie.engine import ownership as checked
from slidegenie.plan import Plan

from ..planned import BUILD, ELSEWHERE, platform, recorded, watched

VOLUME = "slidegenie-test-postgres"


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An engine: which places hold data, and into which somebody looked with what."""
    known = SimpleNamespace(data=set(), looked=[])

    def holds_data(self: Place, _engine: DockerEngine, image: str) -> bool:
        known.looked.append((self.name, image))
        if self.name in known.data and "broken" in known.data:
            raise UnseenError(f"nobody could look into {self.name}: no such image")
        return self.name in known.data

    monkeypatch.setattr(Place, "holds_data", holds_data)
    return known


def plan(**sections: Any) -> Plan:
    return _plan(json.dumps(sections))


@functools.cache
def _plan(sections: str) -> Plan:
    """Return the plan of a platform with a database and backups of its own; of all else nothing is locked."""
    given = json.loads(sections)
    secrets = {key: value for key, value in ELSEWHERE["secrets"].items() if key != "postgresPassword"}
    others = {key: value for key, value in ELSEWHERE.items() if key not in ("postgres", "secrets")}
    return platform(**others | {"backup": {"enabled": True}, "secrets": secrets | given.pop("secrets", {})} | given)


def check(subject: Plan, *opened: str) -> None:
    checked.refuse_foreign_data(subject, lambda place, _password: place in opened)


def test_an_engine_without_data_is_looked_at_and_left_alone(looks: SimpleNamespace) -> None:
    check(subject := plan())
    base = subject.named("slidegenie-seed", BUILD).inputs["buildArgs"]["BASE_IMAGE"]
    assert {place for place, _ in looks.looked} == {VOLUME, "slidegenie-test-backups"}
    assert {image for _, image in looks.looked} == {base}, "it is there: the seed image stands on it"


def test_a_database_that_the_stack_cannot_open_is_refused_with_the_ways_out(looks: SimpleNamespace) -> None:
    looks.data = {VOLUME, "slidegenie-test-backups", "slidegenie-test-redis"}
    with pytest.raises(Problem) as refused:
        check(plan())
    said = str(refused.value)
    assert "\n" not in said
    assert (
        f"data that is there already (a database in {VOLUME}, backups in slidegenie-test-backups, on localhost)" in said
    )
    assert said.endswith(existing_data.WAYS_OUT)


def test_what_the_stack_opens_is_not_even_looked_at(looks: SimpleNamespace) -> None:
    looks.data = {VOLUME}
    check(plan(), VOLUME, "slidegenie-test-backups")
    assert looks.looked == []


def test_backups_whose_password_is_given_are_taken_over(looks: SimpleNamespace) -> None:
    looks.data = {"slidegenie-test-backups"}
    check(plan(secrets={"backupPassword": "of-before"}))
    with pytest.raises(Problem, match="backups in slidegenie-test-backups"):
        check(plan())


def test_a_database_of_somebody_elses_is_no_data_of_the_stack(looks: SimpleNamespace) -> None:
    check(plan(postgres={"external": {"host": "db"}}, secrets={"postgresPassword": "p"}, backup={"enabled": False}))
    assert looks.looked == []


def test_folders_of_this_machine_are_looked_at_where_they_are(
    looks: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "postgres").mkdir()
    looks.data = {f"{tmp_path}/postgres"}
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with pytest.raises(Problem, match=rf"a database in {tmp_path}/postgres, on localhost"):
        check(plan(engine={"dataRoot": str(tmp_path)}))
    assert [place for place, _ in looks.looked] == [f"{tmp_path}/postgres"], "there is no folder of backups"


def test_folders_of_another_machine_are_looked_at_by_its_engine(
    looks: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://prod.example.com")
    looks.data = {"/srv/data/postgres"}
    with pytest.raises(Problem, match=r"a database in /srv/data/postgres, on prod\.example\.com"):
        check(plan(engine={"dataRoot": "/srv/data"}))


def test_what_nobody_could_see_is_not_taken_for_nothing(looks: SimpleNamespace) -> None:
    looks.data = {VOLUME, "broken"}
    with pytest.raises(Problem, match=r"^nobody could look into .*; nothing was changed"):
        check(plan())


def run_hook(name: str) -> None:
    async def run(hook: pulumi.ResourceHook) -> bool:
        made = pulumi.ResourceHookArgs(
            urn="urn", id="", name="data", type="docker:index/volume:Volume", new_inputs={"name": name}
        )
        if (running := hook(made)) is not None:
            await running
        return True

    engine, image = pulumi.Output.from_input(DockerEngine()), pulumi.Output.from_input("seed:1")
    recorded(lambda: pulumi.Output.all(run(existing_data.foreign_data_hook(engine, image))))


def test_plain_pulumi_refuses_a_volume_that_its_state_does_not_know(looks: SimpleNamespace) -> None:
    run_hook(VOLUME)
    assert looks.looked == [(VOLUME, "seed:1")]
    looks.data = {VOLUME}
    with pytest.raises(
        RuntimeError, match=f"^volume {VOLUME} with a database is on the engine already, and this state"
    ):
        run_hook(VOLUME)


def test_the_database_has_that_hook_and_a_volume_that_takes_new_passwords_has_not() -> None:
    def program(base: Foundation) -> None:
        for role, locked in (("postgres", True), ("redis", False)):
            DataVolume(role, DataVolumeArgs(foundation=base, role=role, locked=locked))

    assert watched(program).before_create == {"postgres": ["slidegenie-foreign-data"], "redis": []}
