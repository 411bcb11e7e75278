"""Compose: what was never brought up is neither listed nor taken down, and an `up` builds what changed alone."""

import dataclasses
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from slidegenie.compose import command
from slidegenie.compose import runner as compose
from slidegenie.compose.command import ComposeBuilds, ComposeCommand, alone
from slidegenie.compose.runner import ComposeRunner
from slidegenie.console import NotBroughtUp, Problem
from slidegenie.engine import ownership
from slidegenie.plan import StackProgram
from slidegenie.runner import PreviewOptions, UpOptions
from slidegenie.user_folder import UserFolder

from ..plans import ROOT

STACK = "slidegenie/airgap"


class Engine:
    """What is on an engine, by kind; `docker compose down` is not among what it does."""

    def __init__(self) -> None:
        self.there: dict[str, list[str]] = {"ps": [], "network": [], "volume": []}
        self.removed: list[str] = []

    def __call__(self, kind: str, *args: str, **_: Any) -> subprocess.CompletedProcess[str]:
        if args[0] == "rm":
            self.removed.append(args[-1])
            return subprocess.CompletedProcess(args, 0, "", "")
        assert f"label=io.slidegenie.stack={STACK}" in args
        backups = "label=io.slidegenie.data=backups" in args
        names = [name for name in self.there[kind] if not backups or name.endswith("backups")]
        return subprocess.CompletedProcess(args, 0, "".join(f"{name}\n" for name in names), "")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path))
    for module in ("slidegenie.context", ownership.__name__, compose.__name__):
        monkeypatch.setattr(f"{module}.docker", made)
    monkeypatch.setattr(ComposeCommand, "run", lambda *_: None)
    # Where these tests run, there may be no socket.
    monkeypatch.setattr(compose, "local_socket_group", lambda *_: "999")
    return made


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """The passwords of a stack that was brought up."""
    file = tmp_path / "compose" / "airgap" / "secrets" / "vault.json"
    file.parent.mkdir(parents=True)
    kind = "random:index/randomPassword:RandomPassword"
    file.write_text(json.dumps({f"{kind}/slidegenie-redis-password": "b2YtcmVkaXM="}))
    (file.parent.parent / "docker-compose.yml").write_text("services: {}")
    return file


def stack() -> ComposeRunner:
    return ComposeRunner(StackProgram.read(ROOT, "airgap"), UserFolder.open())


@pytest.mark.usefixtures("engine")
def test_passwords_that_were_never_made_are_not_invented(tmp_path: Path) -> None:
    with pytest.raises(NotBroughtUp, match=r"^stack airgap was never brought up with Docker Compose from this home"):
        list(stack().passwords())
    with pytest.raises(NotBroughtUp):
        stack().outputs()
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.usefixtures("engine")
def test_only_passwords_that_the_stack_has_are_listed(vault: Path) -> None:
    before = vault.read_text()
    assert [name for name, _ in stack().passwords()] == ["slidegenie-redis-password"]
    assert vault.read_text() == before


@pytest.mark.usefixtures("engine")
def test_to_destroy_what_is_not_there_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(NotBroughtUp):
        stack().destroy(with_backups=False)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.usefixtures("engine", "vault")
def test_what_is_gone_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    assert stack().destroy(with_backups=False) is False
    assert not (tmp_path / "compose" / "airgap").exists()


@pytest.mark.parametrize(
    ("kind", "name"), [("ps", "app"), ("network", "edge"), ("volume", "slidegenie-airgap-postgres")]
)
def test_what_is_still_there_is_named_and_its_passwords_stay(engine: Engine, vault: Path, kind: str, name: str) -> None:
    engine.there[kind] = [name]
    with pytest.raises(Problem, match=rf"^not all of stack {STACK} is gone from .*: \w+ {name}\. Something else"):
        stack().destroy(with_backups=False)
    assert vault.exists()


def test_backups_are_no_remains_unless_they_were_to_go(engine: Engine, vault: Path) -> None:
    passwords = vault.read_text()
    engine.there["volume"] = ["slidegenie-airgap-backups"]
    stack().destroy(with_backups=False)
    assert engine.removed == []
    vault.parent.mkdir(parents=True)
    vault.write_text(passwords)
    with pytest.raises(Problem, match="volume slidegenie-airgap-backups"):
        stack().destroy(with_backups=True)
    assert engine.removed == ["slidegenie-airgap-backups"]


@pytest.mark.usefixtures("vault")
def test_a_stack_that_is_down_has_no_container_left(engine: Engine) -> None:
    engine.there["volume"] = ["slidegenie-airgap-postgres"]
    stack().down()
    engine.there["ps"] = ["app"]
    with pytest.raises(Problem, match="container app"):
        stack().down()


@pytest.mark.usefixtures("engine")
def test_what_was_refused_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Problem("was brought up by another user")

    monkeypatch.setattr(compose, "plugin", lambda _: True)
    monkeypatch.setattr(compose, "containers", lambda *_, **__: [])
    monkeypatch.setattr(compose, "refuse_another_owner", refuse)
    with pytest.raises(Problem, match="another user"):
        stack().up(UpOptions())
    assert UserFolder.open().current() is None


# ---------------------------------------------------------------------------- builds

TEXT = """
services:
  app: {image: "shop/app:1", build: {context: ./app, target: production}}
  migrate: {image: "shop/app:1", build: {context: ./app, target: production}}
  seed: {image: "shop/seed:1", build: {context: ./seed}}
  redis: {image: "redis:7"}
"""


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the engine has, by name."""
    there = {"shop/app:1": "sha256:a", "shop/seed:1": "sha256:b"}
    monkeypatch.setattr(command, "image_id", lambda image: there.get(image, ""))
    return there


@pytest.fixture
def root(tmp_path: Path, images: dict[str, str]) -> Path:  # noqa: ARG001 - the engine is asked for them
    for name in ("app", "seed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def builds(root: Path, text: str = TEXT) -> ComposeBuilds:
    return ComposeBuilds(yaml.safe_load(text)["services"], root, root / "built.json")


def build_all(root: Path) -> None:
    first = builds(root)
    first.due()
    first.done()


def test_each_image_is_built_once_however_many_services_run_it(root: Path) -> None:
    assert builds(root).due() == ["migrate", "seed"]


def test_what_was_built_from_the_same_sources_is_not_built_again(root: Path) -> None:
    build_all(root)
    assert builds(root).due() == []


def test_an_edit_builds_that_image(root: Path) -> None:
    build_all(root)
    (root / "app" / "main.py").write_text("print(1)\n")
    assert builds(root).due() == ["migrate"]


def test_a_change_that_keeps_the_size_is_seen_by_its_time(root: Path) -> None:
    build_all(root)
    os.utime(root / "seed" / "Dockerfile", ns=(1, 1))
    assert builds(root).due() == ["seed"]


def test_other_build_settings_build_that_image(root: Path) -> None:
    build_all(root)
    assert builds(root, TEXT.replace("production", "minimal")).due() == ["migrate"]


def test_an_image_that_somebody_removed_or_built_differently_is_built(root: Path, images: dict[str, str]) -> None:
    build_all(root)
    del images["shop/seed:1"]
    images["shop/app:1"] = "sha256:other"
    assert builds(root).due() == ["migrate", "seed"]


def test_what_is_edited_while_it_builds_is_built_the_next_time(root: Path) -> None:
    first = builds(root)
    assert first.due() == ["migrate", "seed"]
    (root / "app" / "late.py").write_text("print(2)\n")
    first.done()
    assert builds(root).due() == ["migrate"]


def test_what_no_image_ever_holds_is_no_reason_to_build(root: Path) -> None:
    build_all(root)
    (root / "app" / "__pycache__").mkdir()
    (root / "app" / "__pycache__" / "main.pyc").write_bytes(b"x")
    assert builds(root).due() == []


def test_a_newer_base_is_built_upon(root: Path, images: dict[str, str]) -> None:
    text = TEXT.replace("target: production}", "target: production, args: {PYTHON_IMAGE: python:3.11}}")
    images["python:3.11"] = "sha256:old"
    builds(root, text).done()
    assert builds(root, text).due() == []
    images["python:3.11"] = "sha256:new"
    assert builds(root, text).due() == ["migrate"]


# ---------------------------------------------------------------------------- one command at a time


def test_a_second_command_waits_until_all_that_the_first_one_started_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order: list[str] = []

    def second() -> None:
        with alone(tmp_path):
            order.append("second")

    waiting = threading.Thread(target=second)
    with alone(tmp_path) as held:
        # What goes on when its parent is killed.
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[held])  # noqa: S607 - whichever it is
    waiting.start()
    while "waiting for its end" not in capsys.readouterr().out:
        assert waiting.is_alive(), "it did not wait"
    order.append("first")
    child.communicate()
    waiting.join()
    assert order == ["first", "second"]


@pytest.mark.usefixtures("engine")
def test_a_release_that_nobody_keeps_is_refused() -> None:
    program = StackProgram.read(ROOT, "airgap")
    configuration = {**program.configuration, "slidegenie:backend": {"rollback": 3}}
    going_back = dataclasses.replace(program, configuration=configuration)
    with pytest.raises(Problem, match=r"backend\.rollback: stack airgap runs with Docker Compose, which keeps no rel"):
        ComposeRunner(going_back, UserFolder.open()).up(UpOptions())


@pytest.mark.parametrize(
    "options",
    [PreviewOptions(expect_no_changes=True), PreviewOptions(policy_pack=Path("p")), UpOptions(plan=Path("p"))],
)
def test_what_only_pulumi_can_is_refused_and_not_left_out(engine: Engine, options: PreviewOptions | UpOptions) -> None:
    runner = ComposeRunner(StackProgram.read(ROOT, "airgap"), UserFolder.open())
    with pytest.raises(
        Problem, match="saves no plan, knows no policy packs and counts no changes; nothing was changed"
    ):
        runner.up(options) if isinstance(options, UpOptions) else runner.preview(options)
    assert engine.removed == []
