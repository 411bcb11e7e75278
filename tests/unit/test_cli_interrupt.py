"""Ctrl-C waits for what must come to an end, and is not forgotten."""

import os
import signal

import pytest

from components.cli.interrupt import interrupted_after


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


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


def test_a_failure_that_an_interruption_caused_is_one() -> None:
    with pytest.raises(KeyboardInterrupt):
        work([], ValueError("update canceled"))


def test_any_other_failure_stays_what_it_is_and_ctrl_c_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="broken"), interrupted_after("the work ends first"):
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is before
