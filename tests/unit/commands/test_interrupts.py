"""Ctrl-C waits for what must come to an end, and is not forgotten."""

import os
import signal
from pathlib import Path
from typing import Any, cast

import pytest
from pulumi import automation as auto

from slidegenie import backups
from slidegenie.__main__ import main
from slidegenie.interrupts import interrupted_after, uninterrupted
from slidegenie.plan import StackProgram
from slidegenie.pulumi.stack import PulumiStack
from slidegenie.user_folder import UserFolder

from ..fake_runner import in_a_program


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def broken() -> None:
    press()
    raise KeyError


def work(done: list[str], error: Exception | None = None) -> None:
    """Be interrupted twice on the way to the end."""
    with interrupted_after("the work ends first"):
        press()
        press()
        done.append("the rest")
        if error:
            raise error


def test_what_is_under_way_ends_first(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        work(done)
    assert done == ["the rest"]
    assert capsys.readouterr().out.count("interrupted: the work ends first") == 1


def test_a_failure_that_an_interruption_caused_is_one_and_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        work([], ValueError("app is not healthy\nupdate canceled"))
    assert capsys.readouterr().err == "==> app is not healthy\n==> update canceled\n"


def test_any_other_failure_stays_what_it_is_and_ctrl_c_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="broken"), interrupted_after("the work ends first"):
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is before


def test_what_ctrl_c_cannot_reach_ends_as_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with uninterrupted("it goes on"):
        press()
    assert capsys.readouterr().out.splitlines() == [
        "==> interrupted: it goes on",
        "==> it is done, in spite of Ctrl-C: there is nothing to run again",
    ]
    with pytest.raises(KeyError), uninterrupted("it goes on"):
        broken()
    assert capsys.readouterr().out == "==> interrupted: it goes on\n"


@pytest.mark.parametrize(
    ("interruption", "said"),
    [
        (KeyboardInterrupt(), "interrupted; nothing is lost: the same command goes on where this one stopped"),
        (KeyboardInterrupt("nothing was restored"), "interrupted; nothing was restored"),
    ],
)
def test_an_interruption_says_what_became_of_the_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    interruption: KeyboardInterrupt,
    said: str,
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise interruption

    in_a_program(tmp_path, monkeypatch)
    monkeypatch.setattr(backups, "restore", interrupted)
    assert main(["restore", "--confirm", "dev"]) == 130
    assert capsys.readouterr().err == f"==> {said}\n"


def test_why_pulumi_failed_is_said_though_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stack:
        def up(self, **_: Any) -> None:
            press()
            result = auto.CommandResult(stdout="", stderr="error: app did not become healthy\n", code=255)
            raise auto.CommandError(result)

    in_a_program(tmp_path, monkeypatch)
    monkeypatch.setattr(PulumiStack, "_stack", lambda _: Stack())
    with pytest.raises(KeyboardInterrupt):
        PulumiStack(StackProgram.read(Path.cwd(), "dev"), UserFolder.open(), cast("Any", None)).up([])
    assert "app did not become healthy" in capsys.readouterr().err
