"""Which stack a command means."""

import os
import subprocess
from pathlib import Path

import pytest

from slidegenie import runner as owner
from slidegenie.__main__ import COMMANDS, main
from slidegenie.commands import maintenance as upkeep
from slidegenie.context import Request, chosen
from slidegenie.user_folder import UserFolder

from .plans import ROOT
from .test_docs_commands import targets


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path))
    monkeypatch.setattr("slidegenie.context.ROOT", ROOT)
    monkeypatch.setattr(owner, "docker", lambda *_, **__: subprocess.CompletedProcess((), 0, "", ""))
    return tmp_path


def test_the_one_last_brought_up_unless_another_is_named() -> None:
    assert chosen(Request(None, "auto")) == ("dev", "pulumi")
    UserFolder.open().remember("airgap", "compose")
    assert chosen(Request(None, "auto")) == ("airgap", "compose")
    assert chosen(Request("prod", "auto")) == ("prod", "pulumi")
    assert chosen(Request("prod", "compose")) == ("prod", "compose")


def test_each_stack_stays_with_what_brought_it_up() -> None:
    UserFolder.open().remember("airgap", "compose")
    UserFolder.open().remember("prod", "pulumi")
    assert chosen(Request("airgap", "auto")) == ("airgap", "compose")
    assert chosen(Request(None, "auto")) == ("prod", "pulumi")


@pytest.mark.parametrize("command", ["up", "preview", "down", "destroy", "password", "rotate", "clean", "backup"])
def test_no_command_takes_the_other_one_of_pulumi_and_compose(
    command: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would end well: with nothing removed, and with passwords that open nothing."""
    UserFolder.open().remember("dev", "pulumi")
    assert main(["--stack", "dev", "--engine", "compose", command]) == 1
    said = capsys.readouterr().err
    assert "stack dev was brought up with Pulumi, so ENGINE=compose knows neither its passwords nor what there" in said
    assert [path.name for path in home.rglob("*") if path.is_file()] == ["stacks.json"]
    assert UserFolder.open().engine("dev") == "pulumi"


def test_a_command_and_all_that_it_starts_speak_to_one_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: slidegenie")
    (tmp_path / "Pulumi.far.yaml").write_text("config: {docker:host: ssh://deploy@prod}")
    monkeypatch.setattr("slidegenie.context.ROOT", tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "ssh://other")
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    chosen(Request("far", "auto"))
    assert (os.environ["DOCKER_HOST"], os.environ.get("DOCKER_CONTEXT")) == ("ssh://deploy@prod", None)
    assert capsys.readouterr().err == (
        "==> the Docker engine is ssh://deploy@prod, says docker:host in Pulumi.far.yaml; not asked: DOCKER_HOST"
        " (ssh://other)\n"
    )
    chosen(Request("far", "auto"))
    assert capsys.readouterr().err == "", "it is said once"


@pytest.mark.parametrize("command", ["password", "rotate", "releases", "drift", "down", "destroy", "backup", "logs"])
def test_a_misspelt_name_is_one_line_and_nothing_is_made(
    command: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--stack", "porduction", command]) == 1
    assert "stack 'porduction' does not exist" in capsys.readouterr().err
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_every_command_is_a_target_of_make() -> None:
    assert {"up", "backup", "backups", "restore", "drill", "scan", "rotate", "rollback"} <= COMMANDS.keys()
    assert COMMANDS.keys() - targets() == set()


@pytest.mark.parametrize("command", ["scan", "clean", "freshness"])
def test_no_engine_is_installed_for_a_stack_that_does_not_exist(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upkeep, "ensure_engine", lambda: pytest.fail("the engine was asked"))
    assert main(["--stack", "porduction", command]) == 1
    assert capsys.readouterr().err.startswith("==> stack 'porduction' does not exist")
