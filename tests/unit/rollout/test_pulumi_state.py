"""What a rollout reads from the state: what somebody removed, what is protected, what a broken rollout left."""

import copy
import functools
import json
import subprocess
from typing import TYPE_CHECKING, Any, cast

import pytest

from slidegenie.console import Problem
from slidegenie.plan import Plan
from slidegenie.plan.view import VOLUME
from slidegenie.pulumi import state as module
from slidegenie.pulumi.state import StackState
from slidegenie.rollout import rollout
from slidegenie.rollout.rollout import unprotect_replaced

from ..planned import as_it_comes, platform

CONTAINER = "docker:index/container:Container"
PASSWORD = "random:index/randomPassword:RandomPassword"
URN = "urn:pulumi:prod::slidegenie::slidegenie:index:Server$docker:index/container:Container::slidegenie-app-"


def container(name: str, identity: str | None, **more: Any) -> dict[str, Any]:
    return {"urn": URN + name, "type": CONTAINER, "id": identity, "inputs": {}, "outputs": {}} | more


def state(*resources: dict[str, Any]) -> StackState:
    return StackState.of({"version": 3, "resources": list(resources)})


GOOD = state(container("1", "new1"), container("2", "new2"))
BROKEN = state(
    container("1", "old1", delete=True), container("1", "new1", initErrors=["unhealthy"]), container("2", "old2")
)


@pytest.mark.parametrize("deployment", [None, {}, {"resources": None}])
def test_a_stack_without_resources_has_nothing(deployment: dict[str, Any] | None) -> None:
    empty = StackState.of(deployment)

    assert empty.container_ids() == set()
    assert empty.volume_names() == set()
    assert list(empty.passwords()) == []


def test_containers_that_wait_to_be_deleted_are_told_from_current_ones() -> None:
    assert [resource["id"] for resource in BROKEN.current()] == ["new1", "old2"]


def test_both_are_known() -> None:
    assert BROKEN.container_ids() == {"old1", "new1", "old2"}


def test_a_container_that_was_never_made_has_no_identity() -> None:
    assert state(container("1", None), container("2", "")).container_ids() == set()


def test_volumes_are_known_by_name() -> None:
    volume = {"urn": "v", "type": "docker:index/volume:Volume", "id": "slidegenie-app-secrets-1a2b"}

    assert state(volume, container("1", "c")).volume_names() == {"slidegenie-app-secrets-1a2b"}


@pytest.mark.parametrize("result", ["hunter2", {"4dabf18193072939515e22adb298388d": "x", "plaintext": '"hunter2"'}])
def test_generated_passwords_are_read_by_name(result: object) -> None:
    password = {
        "urn": "urn:pulumi:prod::slidegenie::random:index/randomPassword:RandomPassword::redis-password",
        "type": "random:index/randomPassword:RandomPassword",
        "outputs": {"result": result},
    }

    assert list(state(password).passwords()) == [("redis-password", "hunter2")]


class Docker:
    """Stands in for the Docker command line."""

    def __init__(self, **answers: str) -> None:
        self.commands: list[tuple[str, ...]] = []
        self._answers = answers

    def __call__(self, *args: str, **_: bool) -> subprocess.CompletedProcess[str]:
        self.commands.append(args)
        return subprocess.CompletedProcess(args, 0, stdout=self._answers.get(args[0], ""), stderr="")


def test_what_a_killed_rollout_left_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker(ps="old1\nnew1\nstranger\nold2\n", volume="left-over\nin-use\n", network="torn\nmine\n")
    monkeypatch.setattr(rollout, "docker", docker)
    volume = {"urn": "v", "type": "docker:index/volume:Volume", "id": "in-use"}
    network = {"urn": "n", "type": "docker:index/network:Network", "id": "mine"}
    known = StackState.of({"resources": [*BROKEN.resources, volume, network]})

    rollout.sweep(known, "slidegenie/prod")

    changes = [command for command in docker.commands if command[0] in {"stop", "rm"} or command[1] == "rm"]
    assert [(command[0], command[-1]) for command in changes] == [
        ("stop", "stranger"),
        ("rm", "stranger"),
        ("network", "torn"),
        ("volume", "left-over"),
    ]
    looks = [command for command in docker.commands if command not in changes]
    assert all("label=io.slidegenie.stack=slidegenie/prod" in command for command in looks), "another stack's are safe"


def test_a_state_opens_what_it_has_and_what_is_made_again_in_its_place() -> None:
    volume = "docker:index/volume:Volume"
    password = {"urn": "urn::x::slidegenie-postgres-administrator", "type": PASSWORD}
    backup = {"urn": "urn::x::slidegenie-backup-password", "type": PASSWORD}
    empty, passwords = StackState(()), StackState((password, backup))
    data = StackState(
        ({"urn": "v", "type": volume, "id": "p-postgres", "inputs": {"driverOpts": {"device": "/srv/postgres"}}},)
    )
    administrator = "slidegenie-postgres-administrator"
    assert not empty.opens("p-postgres", administrator)
    assert data.opens("p-postgres", administrator)
    assert data.opens("/srv/postgres", administrator)
    assert passwords.opens("/srv/postgres", administrator), "somebody removed the volume, the folder stayed"
    assert not passwords.opens("p-postgres", administrator), "a rollout that failed made the password, not the volume"
    assert passwords.opens("p-backups", "slidegenie-backup-password"), "they were elsewhere for a while"


def test_jobs_run_again_for_a_volume_of_data_that_was_removed() -> None:
    volume = {"urn": "urn::data", "type": "docker:index/volume:Volume", "protect": True}
    files = {"urn": "urn::files", "type": "docker:index/volume:Volume"}
    job = {"urn": "urn::job", "type": "docker:index/container:Container", "inputs": {"attach": True}}
    state = StackState((volume, files, job))
    assert state.of_volumes(["urn::data", "urn::files", "urn::job"]) == ["urn::data"]
    assert state.jobs() == ["urn::job"]


_KINDS = {
    "container": "docker:index/container:Container",
    "volume": "docker:index/volume:Volume",
    "network": "docker:index/network:Network",
    "image": "docker:index/remoteImage:RemoteImage",
}


def recorded(kind: str, identity: str | None, **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:prod::slidegenie::{_KINDS[kind]}::{more.pop('name', identity)}"
    return {"type": _KINDS[kind], "urn": urn, "id": identity} | more


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    present = {"ps": "here\nold\n", "volume": "data\n", "network": "edge\n"}

    def docker(command: str, *_: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, present[command], "")

    monkeypatch.setattr(module, "docker", docker)


def found(*resources: dict[str, Any]) -> list[str]:
    return [urn.rpartition("::")[2] for urn in module.removed_by_hand(StackState(resources))]


@pytest.mark.usefixtures("engine")
def test_what_is_there_is_left_alone() -> None:
    kinds = (("container", "here"), ("volume", "data"), ("network", "edge"))
    assert found(*(recorded(kind, name, inputs={"start": False}) for kind, name in kinds)) == []


@pytest.mark.usefixtures("engine")
def test_volumes_seeds_and_networks_that_went_are_named_and_other_containers_are_the_programs_business() -> None:
    assert found(
        recorded("container", "gone", inputs={"start": False}),
        recorded("container", "a server", inputs={}),
        recorded("volume", "lost"),
        recorded("network", "cut"),
        recorded("image", "another command's business"),
        recorded("network", None, name="never made"),
    ) == ["gone", "lost", "cut"]


@pytest.mark.usefixtures("engine")
def test_what_waits_to_be_deleted_is_left_to_the_next_update() -> None:
    assert found(recorded("volume", "old", delete=True), recorded("volume", "lost")) == ["lost"]


if TYPE_CHECKING:
    from slidegenie.pulumi.stack import PulumiStack

_TYPES = "slidegenie:index:SlideGeniePlatform$"


class Stack:
    """A stack whose state is what a plan says."""

    name = "test"

    def __init__(self, plan: Plan) -> None:
        self._resources = tuple(
            {
                "urn": f"urn:pulumi:test::slidegenie::{_TYPES}{resource.type}::{resource.name}",
                "type": resource.type,
                "id": resource.inputs.get("name", resource.name),
                "inputs": copy.deepcopy(dict(resource.inputs)),
                # The plan does not record it; these are.
                "protect": resource.type.startswith("random:")
                or (resource.type == VOLUME and resource.name.endswith("-data")),
            }
            for resource in plan.resources
        )
        self.unprotected: list[str] = []

    def state(self) -> StackState:
        return StackState(self._resources)

    def unprotect(self, urn: str) -> None:
        self.unprotected.append(urn.rpartition("::")[2])


def planned(sections: dict[str, Any]) -> Plan:
    return _planned(json.dumps(sections)) if sections else as_it_comes()


@functools.cache
def _planned(sections: str) -> Plan:
    return platform(**json.loads(sections))


def gone(before: dict[str, Any], after: dict[str, Any], *, remove: bool = False) -> set[str]:
    stack = Stack(planned(before))
    unprotect_replaced(cast("PulumiStack", stack), planned(after), remove=remove)
    return set(stack.unprotected)


def test_nothing_goes_when_nothing_changes() -> None:
    assert gone({}, {}) == set()


def test_a_secret_that_is_given_now_takes_the_generated_ones_place() -> None:
    given = {"redisPassword": "given", "backupPassword": "given"}
    assert gone({}, {"secrets": given}) == {"slidegenie-redis-password", "slidegenie-backup-password"}


@pytest.mark.parametrize(
    "place", [{"path": "/mnt/backups"}, {"repository": "s3:https://s3.example.com/b"}], ids=["path", "repository"]
)
def test_backups_may_move_and_stay_where_they_were(place: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    secrets = {"backupCredentials": {"AWS_ACCESS_KEY_ID": "x"}}
    assert gone({"backup": {}}, {"backup": place, "secrets": secrets}) == {"slidegenie-backup-backups-data"}
    assert "those in volume slidegenie-test-backups stay there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        ({"backup": {"enabled": False}}, {"slidegenie-backup-backups-data", "slidegenie-backup-password"}),
        ({"monitoring": {"enabled": False}}, {"slidegenie-monitoring-prometheus-data"}),
        (
            {"postgres": {"external": {"host": "db"}}, "secrets": {"postgresPassword": "given"}},
            {"slidegenie-postgres-data"},
        ),
    ],
)
def test_data_goes_when_somebody_says_so_and_not_before(after: dict[str, Any], lost: set[str]) -> None:
    with pytest.raises(Problem) as refused:
        gone({}, after)
    assert all(name in str(refused.value) for name in lost)
    assert "Nothing was changed" in str(refused.value)
    assert "login-password" not in str(refused.value), "that is made again"
    assert lost <= gone({}, after, remove=True)
