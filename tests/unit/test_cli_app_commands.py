"""The commands that look into the application: one look each, and none at what is not there."""

from typing import Any

import pytest

from slidegenie.commands import app as app_commands
from slidegenie.console import Problem
from slidegenie.context import Request
from slidegenie.plan import Plan

REQUEST = Request("dev", "auto")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was handed over to."""
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(app_commands, "planned", lambda _request: Plan("slidegenie", "dev"))
    monkeypatch.setattr(app_commands, "compose_name", lambda _plan: "slidegenie-dev")
    monkeypatch.setattr(app_commands, "_hand_over", lambda *command: commands.append(command))
    return commands


def has(monkeypatch: pytest.MonkeyPatch, *services: str) -> None:
    def containers(_label: str) -> list[dict[str, Any]]:
        return [
            {"Id": f"id-{name}", "Name": f"/{name}", "Config": {"Labels": {"com.docker.compose.service": name}}}
            for name in services
        ]

    monkeypatch.setattr(app_commands, "containers", containers)


@pytest.mark.parametrize(
    ("plugin", "command"),
    [(True, ("docker", "compose", "-p", "slidegenie-dev", "logs")), (False, ("docker", "logs", "--follow"))],
)
def test_logs_are_followed_once(
    ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, plugin: bool, command: tuple[str, ...]
) -> None:
    """Who leaves the first with Ctrl-C does not find a second one behind it."""
    has(monkeypatch, "app")
    monkeypatch.setattr(app_commands, "plugin", lambda _name: plugin)
    app_commands.logs(REQUEST)
    assert len(ran) == 1
    assert ran[0][: len(command)] == command


def test_logs_of_nothing_are_no_empty_success(ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, "redis")
    monkeypatch.setattr(app_commands, "plugin", lambda _name: True)
    with pytest.raises(Problem, match=r"^no container of the application runs in stack dev"):
        app_commands.logs(REQUEST)
    assert ran == []
