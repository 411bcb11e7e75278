"""Which stack a command means, and what carries its plan out: on record, on the engine, or asked for."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slidegenie import context as module
from slidegenie.__main__ import main
from slidegenie.commands import maintenance, secrets
from slidegenie.commands import stack as stack_commands
from slidegenie.console import Problem
from slidegenie.context import Context
from slidegenie.runner import RunnerKind
from slidegenie.user_folder import UserFolder

from ..plans import FakeRunner, in_a_program

PULUMI, COMPOSE = RunnerKind
BACKUPS = {"io.slidegenie.data": "backups"}
OF_PULUMI = {"io.slidegenie.data": "postgres"}
OF_COMPOSE = OF_PULUMI | {"com.docker.compose.volume": "postgres"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return in_a_program(tmp_path, monkeypatch)


@pytest.fixture
def volumes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The labels of the volumes that the engine has."""
    there: list[dict[str, str]] = []

    def docker(_volume: str, verb: str, *args: str, **_: Any) -> subprocess.CompletedProcess[str]:
        if verb == "ls":
            assert "label=io.slidegenie.stack=slidegenie/dev" in args
            return subprocess.CompletedProcess(args, 0, "".join(f"v{n}\n" for n in range(len(there))), "")
        return subprocess.CompletedProcess(args, 0, json.dumps([{"Labels": labels} for labels in there]), "")

    monkeypatch.setattr(module, "docker", docker)
    return there


@pytest.fixture
def pulumi(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The Pulumi that there is, if any; no stack of it is opened."""
    there: list[object] = [object()]
    monkeypatch.setattr(module, "find_pulumi", lambda: there[0] if there else None)
    monkeypatch.setattr(module, "PulumiRunner", lambda *_: FakeRunner(PULUMI))
    return there


def remember(stack: str, kind: RunnerKind) -> None:
    UserFolder.open().remember(stack, kind)


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def meant(stack: str | None, asked: RunnerKind | None = None) -> tuple[str, RunnerKind]:
    context = Context.of(stack, asked)
    return context.stack, context.kind


# ---------------------------------------------------------------------------- the stack


def test_the_one_last_brought_up_unless_another_is_named() -> None:
    assert meant(None) == ("dev", PULUMI)
    remember("airgap", COMPOSE)
    assert meant(None) == ("airgap", COMPOSE)
    assert meant("prod") == ("prod", PULUMI)
    assert meant("prod", COMPOSE) == ("prod", COMPOSE)


def test_each_stack_stays_with_what_brought_it_up() -> None:
    remember("airgap", COMPOSE)
    remember("prod", PULUMI)
    assert meant("airgap") == ("airgap", COMPOSE)
    assert meant(None) == ("prod", PULUMI)


def test_what_changes_no_stack_means_dev_whatever_is_up() -> None:
    remember("airgap", COMPOSE)
    assert Context.planned(None).stack == "dev"


@pytest.mark.parametrize(
    "command", ["password", "rotate", "releases", "drift", "down", "destroy", "backup", "logs", "policy", "plan"]
)
def test_a_misspelt_name_is_one_line_and_nothing_is_made(
    command: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--stack", "porduction"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("==> stack 'porduction' does not exist")
    assert said.count("\n") == 1
    assert files(home) == []


@pytest.mark.parametrize("command", ["scan", "clean", "freshness"])
def test_no_engine_is_installed_for_a_stack_that_does_not_exist(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(maintenance, "ensure_engine", lambda: pytest.fail("the engine was asked"))
    assert main([command, "--stack", "porduction"]) == 1
    assert capsys.readouterr().err.startswith("==> stack 'porduction' does not exist")


def test_a_command_and_all_that_it_starts_speak_to_one_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("Pulumi.far.yaml").write_text("config: {docker:host: ssh://deploy@prod}")
    monkeypatch.setenv("DOCKER_HOST", "ssh://other")
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    Context.of("far")
    assert (os.environ["DOCKER_HOST"], os.environ.get("DOCKER_CONTEXT")) == ("ssh://deploy@prod", None)
    assert capsys.readouterr().err == (
        "==> the Docker engine is ssh://deploy@prod, says docker:host in Pulumi.far.yaml; not asked: DOCKER_HOST"
        " (ssh://other)\n"
    )
    Context.of("far")
    assert capsys.readouterr().err == "", "it is said once"


# ---------------------------------------------------------------------------- Pulumi or Compose


@pytest.mark.usefixtures("volumes")
def test_what_is_on_record_counts_and_the_other_one_is_refused() -> None:
    assert Context.of("dev", COMPOSE).recorded is None
    remember("dev", PULUMI)
    assert Context.of("dev").recorded is Context.of("dev", PULUMI).recorded is PULUMI
    with pytest.raises(Problem, match=r"^stack dev was brought up with Pulumi, so ENGINE=compose knows neither"):
        Context.of("dev", COMPOSE)


@pytest.mark.parametrize(("labels", "made_by", "other"), [(OF_PULUMI, PULUMI, COMPOSE), (OF_COMPOSE, COMPOSE, PULUMI)])
def test_a_home_without_a_record_goes_by_what_the_engine_shows(
    volumes: list[dict[str, str]], labels: dict[str, str], made_by: RunnerKind, other: RunnerKind
) -> None:
    volumes += [BACKUPS, labels]
    assert Context.of("dev").recorded is made_by
    with pytest.raises(Problem, match=f"so ENGINE={other} knows neither its passwords"):
        Context.of("dev", other)


def test_backups_alone_say_nothing_of_who_made_the_stack(volumes: list[dict[str, str]]) -> None:
    """They outlive it, and Compose makes their volume by hand."""
    volumes.append(BACKUPS)
    assert Context.of("dev", COMPOSE).recorded is None


@pytest.mark.usefixtures("volumes")
def test_the_password_of_backups_that_stayed_is_still_composes(home: Path) -> None:
    vault = home / "compose" / "dev" / "secrets" / "vault.json"
    vault.parent.mkdir(parents=True)
    vault.write_text("{}")
    assert Context.of("dev").recorded is COMPOSE


def test_without_an_engine_the_record_is_all_there_is(
    volumes: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def docker(*_: str, **__: Any) -> subprocess.CompletedProcess[str]:
        raise Problem("Docker is not installed")

    volumes.append(OF_PULUMI)
    monkeypatch.setattr(module, "docker", docker)
    assert Context.of("dev", COMPOSE).recorded is None


@pytest.mark.parametrize("command", ["up", "preview", "down", "destroy", "password", "rotate", "clean", "backup"])
def test_no_command_takes_the_other_one_of_pulumi_and_compose(
    command: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would end well: with nothing removed, and with passwords that open nothing."""
    remember("dev", PULUMI)
    assert main([command, "--stack", "dev", "--engine", "compose"]) == 1
    said = capsys.readouterr().err
    assert "stack dev was brought up with Pulumi, so ENGINE=compose knows neither its passwords nor what there" in said
    assert files(home) == ["stacks.json"]
    assert UserFolder.open().runner("dev") is PULUMI


def test_a_first_rollout_takes_pulumi_where_it_is_and_compose_where_it_is_not(pulumi: list[object]) -> None:
    assert Context.of("dev").rollout_runner().kind is PULUMI
    assert Context.of("dev", COMPOSE).rollout_runner().kind is COMPOSE
    pulumi.clear()
    assert Context.of("dev").rollout_runner().kind is COMPOSE
    with pytest.raises(Problem, match=r"^this needs the Pulumi command line: https://"):
        Context.of("dev", PULUMI).rollout_runner()


@pytest.mark.usefixtures("pulumi")
def test_what_compose_runs_stays_with_it_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    remember("dev", COMPOSE)
    assert Context.of("dev").rollout_runner().kind is COMPOSE
    assert "stack dev runs with Docker Compose and stays with it" in capsys.readouterr().out


def test_what_pulumi_runs_is_never_handed_to_compose(pulumi: list[object]) -> None:
    """Compose would make other passwords for the data that is there."""
    remember("prod", PULUMI)
    pulumi.clear()
    with pytest.raises(
        Problem, match=r"^stack prod was brought up with Pulumi, which cannot be used here now, so nothing was changed"
    ):
        Context.of("prod").rollout_runner()
    with pytest.raises(Problem, match=r"^this needs the Pulumi command line"):
        _ = Context.of("prod").runner


@pytest.mark.parametrize("command", ["drift", "refresh", "rotate", "releases", "rollback"])
def test_what_only_pulumi_can_do_says_what_to_do_instead(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    remember("airgap", COMPOSE)
    monkeypatch.setattr(module, "PulumiRunner", lambda *_: pytest.fail("an empty stack would be made"))
    for commands in (secrets, stack_commands):
        monkeypatch.setattr(commands, "ensure_engine", lambda: pytest.fail("the engine was asked"))
    assert main([command]) == 1
    said = capsys.readouterr().err
    assert said.startswith("==> stack airgap runs with Docker Compose, which ")
    if command in ("drift", "refresh"):
        assert "`make policy LIVE=1`" in said
        assert "`make up`" in said


# ---------------------------------------------------------------------------- what is kept between commands


def test_what_is_kept_is_readable_by_its_owner_only(home: Path) -> None:
    user = UserFolder.open()
    assert mode(home) == mode(user.folder("stacks", "dev")) == 0o700


def test_the_passphrase_is_made_once_and_private() -> None:
    user = UserFolder.open()
    first = user.passphrase_file().read_text(encoding="utf-8")
    assert user.passphrase_file().read_text(encoding="utf-8") == first
    assert len(first) >= 40
    assert mode(user.passphrase_file()) == 0o600


def test_the_stacks_that_are_up_are_remembered_with_what_brought_them_up() -> None:
    user = UserFolder.open()
    assert (user.current(), user.runner("prod")) == (None, None)
    remember("prod", PULUMI)
    remember("dev", COMPOSE)
    remember("prod", PULUMI)
    assert UserFolder.open().current() == "prod"
    assert [user.runner(stack) for stack in ("prod", "dev", "airgap")] == [PULUMI, COMPOSE, None]


def test_after_a_stack_is_gone_the_one_before_it_is_meant() -> None:
    user = UserFolder.open()
    remember("dev", COMPOSE)
    remember("prod", PULUMI)
    user.forget("prod")
    user.forget("never-there")
    assert (user.current(), user.runner("prod")) == ("dev", None)
