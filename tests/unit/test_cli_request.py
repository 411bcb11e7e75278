"""Which stack a command means."""

from pathlib import Path

import pytest

from components.cli import upkeep
from components.cli.__main__ import COMMANDS, main
from components.cli.home import Home
from components.cli.request import Request, chosen

from .plans import ROOT
from .test_docs_commands import targets


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path))
    monkeypatch.setattr("components.cli.request.ROOT", ROOT)
    return tmp_path


def test_the_one_last_brought_up_unless_another_is_named() -> None:
    assert chosen(Request(None, "auto")) == ("dev", "pulumi")
    Home.open().remember("airgap", "compose")
    assert chosen(Request(None, "auto")) == ("airgap", "compose")
    assert chosen(Request("prod", "auto")) == ("prod", "pulumi")
    assert chosen(Request("airgap", "pulumi")) == ("airgap", "pulumi")


def test_each_stack_stays_with_what_brought_it_up() -> None:
    Home.open().remember("airgap", "compose")
    Home.open().remember("prod", "pulumi")
    assert chosen(Request("airgap", "auto")) == ("airgap", "compose")
    assert chosen(Request(None, "auto")) == ("prod", "pulumi")


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
