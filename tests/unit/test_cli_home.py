"""What the commands keep between runs is readable by its owner only."""

import stat
from pathlib import Path

import pytest

from components.cli.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path / "home"))
    return Home.open()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_private(home: Home) -> None:
    assert mode(home.path) == 0o700
    assert mode(home.folder("stacks", "dev")) == 0o700


def test_the_passphrase_is_made_once_and_private(home: Home) -> None:
    first = home.passphrase_file().read_text(encoding="utf-8")

    assert home.passphrase_file().read_text(encoding="utf-8") == first
    assert len(first) >= 40
    assert mode(home.passphrase_file()) == 0o600


def test_the_stack_that_is_up_is_remembered(home: Home) -> None:
    assert home.current() is None

    home.remember("prod", "pulumi")

    assert Home.open().current() == ("prod", "pulumi")
