"""What the commands keep between runs is readable by its owner only."""

import stat
from pathlib import Path

import pytest

from slidegenie.runner import RunnerKind
from slidegenie.user_folder import UserFolder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UserFolder:
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path / "home"))
    return UserFolder.open()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_private(home: UserFolder) -> None:
    assert mode(home.path) == 0o700
    assert mode(home.folder("stacks", "dev")) == 0o700


def test_the_passphrase_is_made_once_and_private(home: UserFolder) -> None:
    first = home.passphrase_file().read_text(encoding="utf-8")

    assert home.passphrase_file().read_text(encoding="utf-8") == first
    assert len(first) >= 40
    assert mode(home.passphrase_file()) == 0o600


def test_the_stacks_that_are_up_are_remembered_with_what_brought_them_up(home: UserFolder) -> None:
    assert (home.current(), home.runner("prod")) == (None, None)

    home.remember("prod", RunnerKind.PULUMI)
    home.remember("dev", RunnerKind.COMPOSE)
    home.remember("prod", RunnerKind.PULUMI)

    assert UserFolder.open().current() == "prod"
    assert [home.runner(stack) for stack in ("prod", "dev", "airgap")] == ["pulumi", "compose", None]


def test_after_a_stack_is_gone_the_one_before_it_is_meant(home: UserFolder) -> None:
    home.remember("dev", RunnerKind.COMPOSE)
    home.remember("prod", RunnerKind.PULUMI)

    home.forget("prod")
    home.forget("never-there")

    assert (home.current(), home.runner("prod")) == ("dev", None)
