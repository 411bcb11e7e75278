"""Pulumi or Compose: what is on record, what the engine shows, and what is asked."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slidegenie import runner as module
from slidegenie.console import Problem
from slidegenie.runner import owner
from slidegenie.user_folder import UserFolder

BACKUPS = {"io.slidegenie.data": "backups"}
OF_PULUMI = {"io.slidegenie.data": "postgres"}
OF_COMPOSE = OF_PULUMI | {"com.docker.compose.volume": "postgres"}


@pytest.fixture
def volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The labels of the volumes that the engine has."""
    there: list[dict[str, str]] = []

    def docker(_volume: str, verb: str, *args: str, **_: Any) -> subprocess.CompletedProcess[str]:
        if verb == "ls":
            assert "label=io.slidegenie.stack=slidegenie/dev" in args
            return subprocess.CompletedProcess(args, 0, "".join(f"v{n}\n" for n in range(len(there))), "")
        return subprocess.CompletedProcess(args, 0, json.dumps([{"Labels": labels} for labels in there]), "")

    monkeypatch.setattr(module, "docker", docker)
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path))
    return there


def asked(engine: str) -> str | None:
    return owner(UserFolder.open(), "dev", "slidegenie/dev", engine)


@pytest.mark.usefixtures("volumes")
def test_what_is_on_record_counts_and_the_other_one_is_refused() -> None:
    assert asked("compose") is None
    UserFolder.open().remember("dev", "pulumi")
    assert (asked("auto"), asked("pulumi")) == ("pulumi", "pulumi")
    with pytest.raises(Problem, match=r"^stack dev was brought up with Pulumi, so ENGINE=compose knows neither"):
        asked("compose")


@pytest.mark.parametrize(
    ("labels", "engine", "other"), [(OF_PULUMI, "pulumi", "compose"), (OF_COMPOSE, "compose", "pulumi")]
)
def test_a_home_without_a_record_goes_by_what_the_engine_shows(
    volumes: list[dict[str, str]], labels: dict[str, str], engine: str, other: str
) -> None:
    volumes += [BACKUPS, labels]
    assert asked("auto") == engine
    with pytest.raises(Problem, match=f"so ENGINE={other} knows neither its passwords"):
        asked(other)


def test_backups_alone_say_nothing_of_who_made_the_stack(volumes: list[dict[str, str]]) -> None:
    """They outlive it, and Compose makes their volume by hand."""
    volumes.append(BACKUPS)
    assert asked("compose") is None


@pytest.mark.usefixtures("volumes")
def test_the_password_of_backups_that_stayed_is_still_composes(tmp_path: Path) -> None:
    vault = tmp_path / "compose" / "dev" / "secrets" / "vault.json"
    vault.parent.mkdir(parents=True)
    vault.write_text("{}")
    assert asked("auto") == "compose"


def test_without_an_engine_the_record_is_all_there_is(
    volumes: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def docker(*_: str, **__: Any) -> subprocess.CompletedProcess[str]:
        raise Problem("Docker is not installed")

    volumes.append(OF_PULUMI)
    monkeypatch.setattr(module, "docker", docker)
    assert asked("compose") is None
