"""What the commands refuse, and what a rollout does besides."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from slidegenie.commands import stack as commands
from slidegenie.console import Problem
from slidegenie.context import Request
from slidegenie.pulumi.state import StackState
from slidegenie.rollout import grafana, rollout
from slidegenie.user_folder import UserFolder

from .plans import ROOT

_SERVER = {
    "Id": "theirs",
    "Name": "/slidegenie-app-1",
    "Config": {"Labels": {"io.slidegenie.role": "server", "com.docker.compose.service": "app"}},
}


class Stack:
    """A stack whose state knows nothing."""

    label = "slidegenie/dev"
    name = "dev"

    def refuse_while_locked(self) -> None:
        """Nobody else is at it."""

    def state(self) -> StackState:
        return StackState(())


@pytest.mark.parametrize("command", [commands.down, commands.destroy])
def test_what_another_state_brought_up_is_not_taken_away(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slidegenie.context.ROOT", ROOT)
    monkeypatch.setattr(commands, "pulumi_stack", lambda _name: Stack())
    monkeypatch.setattr(rollout, "containers", lambda *_, **__: [_SERVER])
    monkeypatch.setattr(commands, "sweep", lambda *_: pytest.fail("containers were removed"))
    monkeypatch.setenv("CONFIRM", "dev")
    with pytest.raises(Problem, match="was brought up by another user"):
        command(Request("dev", "pulumi"))


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run what is run in Grafana's container here; return the file with the passwords it took."""
    program, taken = tmp_path / "bin" / "grafana", tmp_path / "taken"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ -e {tmp_path}/locked ] && echo "database is locked" && exit 1\ncat >>{taken}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(grafana, "_PASSWORD", str(tmp_path / "password"))
    monkeypatch.setattr(grafana, "_TOLD", str(tmp_path / "told"))
    monkeypatch.setattr(grafana, "containers", lambda *_: [{"Id": "grafana"}])

    def docker(_exec: str, _container: str, *command: str, check: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=check)

    monkeypatch.setattr(grafana, "docker", docker)
    return taken


def test_grafana_is_told_each_password_once(told: Path, tmp_path: Path) -> None:
    for password in ("first\n", "first\n", "second\n"):
        (tmp_path / "password").write_text(password)
        grafana.tell_grafana("slidegenie/dev")
    assert told.read_text() == "first\nsecond\n"


def test_a_password_that_grafana_did_not_take_is_told_again(told: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("first\n")
    (tmp_path / "locked").touch()
    with pytest.raises(Problem, match="Grafana did not take its password: database is locked"):
        grafana.tell_grafana("slidegenie/dev")
    (tmp_path / "locked").unlink()
    grafana.tell_grafana("slidegenie/dev")
    assert told.read_text() == "first\n"


@pytest.mark.parametrize("command", [commands.down, commands.destroy])
def test_nothing_is_taken_away_from_under_an_update(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Locked(Stack):
        def refuse_while_locked(self) -> None:
            raise Problem("somebody is at it; nothing was changed")

    monkeypatch.setattr("slidegenie.context.ROOT", ROOT)
    monkeypatch.setattr(commands, "pulumi_stack", lambda _name: Locked())
    monkeypatch.setattr(commands, "sweep", lambda *_: pytest.fail("containers were removed"))
    monkeypatch.setenv("CONFIRM", "dev")
    with pytest.raises(Problem, match="somebody is at it"):
        command(Request("dev", "pulumi"))


@pytest.mark.parametrize("command", [commands.drift, commands.refresh])
def test_what_compose_runs_has_no_state_to_compare_with(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path))
    monkeypatch.setattr("slidegenie.context.ROOT", ROOT)
    monkeypatch.setattr(commands, "pulumi_stack", lambda _name: pytest.fail("an empty stack would be made"))
    UserFolder.open().remember("airgap", "compose")
    with pytest.raises(Problem, match=r"^stack airgap runs with Docker Compose, .*`make policy LIVE=1`.*`make up`"):
        command(Request(None, "auto"))


def test_jobs_run_again_for_a_volume_of_data_that_was_removed() -> None:
    volume = {"urn": "urn::data", "type": "docker:index/volume:Volume", "protect": True}
    files = {"urn": "urn::files", "type": "docker:index/volume:Volume"}
    job = {"urn": "urn::job", "type": "docker:index/container:Container", "inputs": {"attach": True}}
    state = StackState((volume, files, job))
    assert state.of_volumes(["urn::data", "urn::files", "urn::job"]) == ["urn::data"]
    assert state.jobs() == ["urn::job"]
