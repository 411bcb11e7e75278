"""The commands that look into the application: one look each, and none at what is not there."""

from pathlib import Path

import pytest

from slidegenie.__main__ import main
from slidegenie.commands import app

from ..fake_runner import in_a_program

Ran = list[tuple[str, ...]]


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """What was handed over to."""
    commands: Ran = []
    in_a_program(tmp_path, monkeypatch)
    monkeypatch.setattr(app, "_hand_over", lambda *command: commands.append(command))
    monkeypatch.setattr(app, "plugin", lambda _name: True)
    return commands


def has(monkeypatch: pytest.MonkeyPatch, *services: str) -> None:
    there = [
        {"Id": f"id-{name}", "Name": f"/{name}", "Config": {"Labels": {"com.docker.compose.service": name}}}
        for name in services
    ]
    monkeypatch.setattr(app, "containers", lambda _label: there)


@pytest.mark.parametrize(
    ("plugin", "command"),
    [(True, ("docker", "compose", "-p", "slidegenie-dev", "logs")), (False, ("docker", "logs", "--follow"))],
)
def test_logs_are_followed_once(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, plugin: bool, command: tuple[str, ...]
) -> None:
    """Who leaves the first with Ctrl-C does not find a second one behind it."""
    has(monkeypatch, "app")
    monkeypatch.setattr(app, "plugin", lambda _name: plugin)
    monkeypatch.setattr(app, "compose_name", lambda _plan: "slidegenie-dev")
    assert main(["logs"]) == 0
    assert len(ran) == 1
    assert ran[0][: len(command)] == command


@pytest.mark.parametrize(("command", "runs"), [("shell", "sh"), ("pytest", "pytest")])
def test_a_shell_and_the_tests_run_in_the_applications_container(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, command: str, runs: str
) -> None:
    has(monkeypatch, "redis", "app")
    assert main([command]) == 0
    assert [(words[:2], words[words.index("id-app") :].count(runs)) for words in ran] == [(("docker", "exec"), 1)]


@pytest.mark.parametrize("command", ["logs", "shell", "pytest"])
def test_a_look_at_nothing_is_no_empty_success(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    has(monkeypatch, "redis")
    assert main([command]) == 1
    assert capsys.readouterr().err.startswith("==> no container of the application runs in stack dev")
    assert ran == []
