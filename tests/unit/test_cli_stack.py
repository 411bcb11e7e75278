"""A stack that is not there, and one that another update holds: neither is touched."""

import json
import os
from pathlib import Path
from typing import Any, cast

import pytest

from slidegenie.console import Problem
from slidegenie.pulumi.stack import PulumiStack
from slidegenie.rollout import rollout
from slidegenie.user_folder import UserFolder

_GONE = 2**22 + 1
"""Above the highest process ID that Linux gives out."""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PulumiStack:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_BACKEND_URL", (tmp_path / "state").as_uri())
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path / "home"))
    (tmp_path / "Pulumi.yaml").write_text("name: slidegenie\n")
    return PulumiStack(tmp_path, "test", UserFolder.open(), cast("Any", None))


@pytest.fixture
def asked(stack: PulumiStack, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer as a Pulumi that knows another stack only; return what it is asked."""
    commands: list[str] = []

    def pulumi(*args: str, **_options: Any) -> str:
        commands.append(" ".join(args[:2]))
        return '[{"name": "other"}]'

    monkeypatch.setattr(stack, "_pulumi", pulumi)
    return commands


def test_a_stack_that_was_never_up_is_made_by_who_brings_it_up_only(
    stack: PulumiStack, asked: list[str], tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.test.yaml").write_text("config: {}\n")
    with pytest.raises(Problem, match=r"^stack test was never brought up with Pulumi from this home, or is des"):
        stack.open()
    assert asked == ["stack ls"]
    stack.open(make=True)
    assert asked == ["stack ls", "stack ls", "stack init"]


def lock(folder: Path, process: int, host: str = "") -> Path:
    file = folder / "state" / ".pulumi" / "locks" / "organization" / "slidegenie" / "test" / "one.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"pid": process, "username": "ann", "hostname": host or os.uname().nodename}))
    return file


def test_what_a_running_update_made_is_not_swept(
    stack: PulumiStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(tmp_path, os.getpid())
    monkeypatch.setattr(rollout, "sweep", lambda *_: pytest.fail("it must not begin"))
    with pytest.raises(Problem, match=rf"another update of this stack is running \(ann@.* \(pid {os.getpid()}\)\)"):
        rollout.roll_out(stack, "slidegenie/test")


def test_a_lock_of_another_machine_counts_whatever_runs_here(stack: PulumiStack, tmp_path: Path) -> None:
    lock(tmp_path, _GONE, "elsewhere")
    stack._unlock_if_abandoned()
    with pytest.raises(Problem, match=r"ann@elsewhere.*`pulumi cancel` removes its lock; nothing was changed"):
        stack.refuse_while_locked()


def test_the_lock_of_an_update_that_was_killed_here_goes(stack: PulumiStack, tmp_path: Path) -> None:
    file = lock(tmp_path, _GONE)
    stack._unlock_if_abandoned()
    assert not file.exists()
    stack.refuse_while_locked()
