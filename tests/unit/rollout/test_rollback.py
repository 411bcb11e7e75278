"""`make rollback`: what it brings back, and that a refusal changes nothing."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from components.settings import parse_settings
from slidegenie.console import Problem
from slidegenie.pulumi.state import StackState
from slidegenie.rollout import rollback
from slidegenie.rollout.rollback import History

if TYPE_CHECKING:
    from slidegenie.pulumi.stack import PulumiStack

_IMAGE = "sha256:0123456789abcdef"
_KEPT = "slidegenie/kept-slidegenie-test:0123456789ab"
_REFERENCE = {
    "healthCommand": ["python", "-m", "app", "health"],
    "migrateCommand": ["python", "-m", "app", "migrate"],
}
"""What a ready image of the reference backend has to say, as it is given like one of somebody else's."""


class Stack:
    """Stands in for a stack that Pulumi runs."""

    name, label = "test", "slidegenie/test"

    def __init__(self) -> None:
        self.backend: dict[str, Any] = {}
        self.opened: list[dict[str, Any] | None] = []
        self.migrated = 'migrate: schema {"head": "1", "compatible_with": ["1"]}\n'

    def open(self, *, backend: dict[str, Any] | None = None) -> None:
        self.opened.append(backend)

    def section(self, _name: str) -> dict[str, Any]:
        return self.backend

    def state(self) -> StackState:
        job = {"urn": "urn:x::slidegenie-app-migrate", "type": "docker:index/container:Container"}
        return StackState((job | {"outputs": {"exitCode": 0, "containerLogs": self.migrated}},))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An engine with one running replica and the images in `images`."""
    known: dict[str, Any] = {"image": _IMAGE, "images": {_IMAGE}, "names": set(), "rollouts": 0}

    def docker(*args: str, **_options: Any) -> subprocess.CompletedProcess[str]:
        code, out = 0, ""
        match args:
            case ("image", "inspect", image):
                code = 0 if image in known["images"] else 1
            case ("tag", _, name):
                known["names"].add(name)
            case ("images", *_):
                out = "\n".join(known["names"])
            case ("image", "rm", name):
                known["names"].remove(name)
        return subprocess.CompletedProcess(args, code, out, "")

    def roll_out(*_args: object, on_start: Callable[[], None]) -> int:
        on_start()
        known["rollouts"] += 1
        return 1

    monkeypatch.setattr(rollback, "docker", docker)
    monkeypatch.setattr(rollback, "roll_out", roll_out)
    monkeypatch.setattr(
        rollback, "containers", lambda *_: [{"Image": known["image"], "Config": {"Image": known["image"]}}]
    )
    return known


def history(stack: Stack, folder: Path) -> History:
    return History(folder, cast("PulumiStack", stack), folder)


def up(stack: Stack, folder: Path, **backend: Any) -> None:
    stack.backend = backend
    subject = history(stack, folder)
    subject.begin()
    subject.record_success()


def test_image_and_settings_of_the_last_good_release_come_back(tmp_path: Path, engine: dict[str, Any]) -> None:
    stack = Stack()
    up(stack, tmp_path, release="1.0.0", replicas=3)
    up(stack, tmp_path, release="1.1.0")

    gone_to = history(stack, tmp_path).rollback(force=False)

    assert gone_to.version == "1.0.0"
    assert stack.opened == [_REFERENCE | {"release": "1.0.0", "replicas": 3, "image": _IMAGE}]
    assert _KEPT in engine["names"], "a name keeps it on the engine"
    assert engine["rollouts"] == 1
    assert history(stack, tmp_path).held_settings() == stack.opened[0], "a rotation keeps it there"


def test_volumes_are_data_and_do_not_go_back(tmp_path: Path, engine: dict[str, Any]) -> None:
    stack, volumes = Stack(), {"uploads": "/app/uploads"}
    up(stack, tmp_path, release="1.0.0")
    up(stack, tmp_path, release="1.1.0", volumes=volumes)

    history(stack, tmp_path).rollback(force=False)

    assert stack.opened == [_REFERENCE | {"release": "1.0.0", "image": _IMAGE, "volumes": volumes}]
    assert engine["rollouts"] == 1


@pytest.mark.parametrize("source", [{"context": "../shop", "dockerfile": "prod", "stage": "run"}, {"image": "shop:1"}])
def test_an_own_application_comes_back_with_its_own_commands(
    tmp_path: Path, engine: dict[str, Any], source: dict[str, str]
) -> None:
    stack, commands = Stack(), {"healthCommand": ["/shop", "health"], "migrateCommand": ["/shop", "migrate"]}
    up(stack, tmp_path, release="1.0.0", **source, **commands)
    up(stack, tmp_path, release="1.1.0", **source, **commands)

    history(stack, tmp_path).rollback(force=False)

    assert stack.opened == [{"release": "1.0.0", "image": _IMAGE, **commands}]
    assert parse_settings({"backend": stack.opened[0]}, "x").backend.migrations == ("/shop", "migrate")
    assert engine["rollouts"] == 1


def test_a_release_without_migrations_goes_back_to_another_one_without(tmp_path: Path, engine: dict[str, Any]) -> None:
    stack, own = Stack(), {"image": "shop:1", "healthCommand": ["/shop", "health"]}
    stack.migrated = ""
    up(stack, tmp_path, release="1.0.0", **own, migrateCommand=["/shop", "migrate"])
    up(stack, tmp_path, release="1.1.0", **own)
    up(stack, tmp_path, release="1.2.0", **own)

    assert history(stack, tmp_path).rollback(force=False).version == "1.1.0"
    with pytest.raises(Problem, match=r"the migrations of one of the two releases do not say"):
        history(stack, tmp_path).rollback(force=False)
    assert engine["rollouts"] == 1


def test_a_rollback_that_failed_leads_back_to_what_serves(
    tmp_path: Path, engine: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack()
    up(stack, tmp_path, release="1.0.0")
    up(stack, tmp_path, release="1.1.0")

    def fails(*_: object, on_start: Callable[[], None]) -> int:
        on_start()
        raise Problem("the rollout failed")

    with monkeypatch.context() as broken:
        broken.setattr(rollback, "roll_out", fails)
        with pytest.raises(Problem, match="the rollout failed"):
            history(stack, tmp_path).rollback(force=False)
    assert history(stack, tmp_path).rollback(force=False).version == "1.1.0"
    assert engine["rollouts"] == 1


def test_a_rollback_that_was_refused_is_no_attempt(
    tmp_path: Path, engine: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack()
    up(stack, tmp_path, release="1.0.0")
    up(stack, tmp_path, release="1.1.0")

    def refuses(*_: object, **__: object) -> int:
        raise Problem("brought up by another user")

    with monkeypatch.context() as refused:
        refused.setattr(rollback, "roll_out", refuses)
        with pytest.raises(Problem, match="another user"):
            history(stack, tmp_path).rollback(force=False)
    assert history(stack, tmp_path).rollback(force=False).version == "1.0.0"
    assert engine["rollouts"] == 1


def test_an_image_of_a_registry_comes_back_by_its_digest(tmp_path: Path, engine: dict[str, Any]) -> None:
    stack, reference = Stack(), f"registry.example.com/slidegenie/backend@{_IMAGE}"
    engine["image"] = reference
    up(stack, tmp_path, release="1.0.0")
    up(stack, tmp_path, release="1.1.0")

    history(stack, tmp_path).rollback(force=False)

    assert stack.opened == [_REFERENCE | {"release": "1.0.0", "image": reference}]
    assert engine["names"] == set(), "the registry keeps it"


def test_images_of_the_last_five_releases_have_a_name_that_keeps_them(tmp_path: Path, engine: dict[str, Any]) -> None:
    stack = Stack()
    for number in range(7):
        engine["image"] = f"sha256:{number}"
        up(stack, tmp_path, release=f"1.{number}.0")

    assert engine["names"] == {f"slidegenie/kept-slidegenie-test:{number}" for number in range(2, 7)}

    history(stack, tmp_path).forget()

    assert engine["names"] == set()
    assert not (tmp_path / "releases.json").exists()


def test_a_database_that_cannot_go_back_is_a_refusal_that_changes_nothing(
    tmp_path: Path, engine: dict[str, Any]
) -> None:
    stack = Stack()
    up(stack, tmp_path, release="1.0.0")
    stack.migrated = 'migrate: schema {"head": "2", "compatible_with": ["2"]}\n'
    up(stack, tmp_path, release="2.0.0")

    with pytest.raises(Problem, match="nothing was changed: the database is at revision 2"):
        history(stack, tmp_path).rollback(force=False)

    assert (stack.opened, engine["rollouts"]) == ([], 0)
    assert history(stack, tmp_path).rollback(force=True).version == "1.0.0"


def test_the_migration_of_a_rollout_that_broke_afterwards_counts(tmp_path: Path, engine: dict[str, Any]) -> None:
    stack = Stack()
    up(stack, tmp_path, release="1.0.0")
    history(stack, tmp_path).begin()
    stack.migrated = 'migrate: schema {"head": "2", "compatible_with": ["2"]}\n'

    with pytest.raises(Problem, match="the database is at revision 2"):
        history(stack, tmp_path).rollback(force=False)

    assert engine["rollouts"] == 0


def test_an_image_that_went_is_a_refusal_that_changes_nothing(tmp_path: Path, engine: dict[str, Any]) -> None:
    stack = Stack()
    up(stack, tmp_path, release="1.0.0")
    up(stack, tmp_path, release="1.1.0")
    engine["images"].clear()

    with pytest.raises(Problem, match="no longer on this engine; nothing was changed"):
        history(stack, tmp_path).rollback(force=False)

    assert (stack.opened, engine["rollouts"]) == ([], 0)


@pytest.mark.usefixtures("engine")
def test_without_a_release_before_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    stack = Stack()
    with pytest.raises(Problem, match="has no release yet"):
        history(stack, tmp_path).listed()
    up(stack, tmp_path, release="1.0.0")

    with pytest.raises(Problem, match="has no good release to go back to"):
        history(stack, tmp_path).rollback(force=False)


@pytest.mark.usefixtures("engine")
def test_a_broken_rollout_is_part_of_the_list(tmp_path: Path) -> None:
    stack = Stack()
    up(stack, tmp_path, release="1.0.0")
    subject = history(stack, tmp_path)
    subject.begin()

    assert subject.listed()[-1].startswith("a rollout began after it and did not succeed")
