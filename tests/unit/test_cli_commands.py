"""What the commands refuse, and what a rollout does besides."""

import subprocess
from typing import Any

import pytest

from components.cli import commands, grafana, rollout
from components.cli.console import Problem
from components.cli.request import Request
from components.cli.state import State

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

    def state(self) -> State:
        return State(())


@pytest.mark.parametrize("command", [commands.down, commands.destroy])
def test_what_another_state_brought_up_is_not_taken_away(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.cli.request.ROOT", ROOT)
    monkeypatch.setattr(commands, "pulumi_stack", lambda _name: Stack())
    monkeypatch.setattr(rollout, "containers", lambda *_, **__: [_SERVER])
    monkeypatch.setattr(commands, "sweep", lambda *_: pytest.fail("containers were removed"))
    monkeypatch.setenv("CONFIRM", "dev")
    with pytest.raises(Problem, match="was brought up by another user"):
        command(Request("dev", "pulumi"))


def test_a_new_grafana_is_told_its_password_and_one_that_stayed_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, ...]] = []

    def docker(*args: str, **_options: Any) -> subprocess.CompletedProcess[str]:
        told.append(args)
        return subprocess.CompletedProcess(args, int(args[1] == "broken"), "", "database is locked\n")

    monkeypatch.setattr(grafana, "docker", docker)
    monkeypatch.setattr(grafana, "containers", lambda *_: [{"Id": "stayed"}, {"Id": "new"}])
    grafana.tell_grafana("slidegenie/dev", {"stayed"})
    assert [args[1] for args in told] == ["new"]
    monkeypatch.setattr(grafana, "containers", lambda *_: [{"Id": "broken"}])
    with pytest.raises(Problem, match="Grafana did not take its password: database is locked"):
        grafana.tell_grafana("slidegenie/dev", set())


def test_jobs_run_again_for_a_volume_of_data_that_was_removed() -> None:
    volume = {"urn": "urn::data", "type": "docker:index/volume:Volume", "protect": True}
    files = {"urn": "urn::files", "type": "docker:index/volume:Volume"}
    job = {"urn": "urn::job", "type": "docker:index/container:Container", "inputs": {"attach": True}}
    state = State((volume, files, job))
    assert state.of_volumes(["urn::data", "urn::files", "urn::job"]) == ["urn::data"]
    assert state.jobs() == ["urn::job"]
