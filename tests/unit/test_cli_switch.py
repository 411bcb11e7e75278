"""Variables that say yes or no."""

import pytest
from slidegenie.switch import switch

from slidegenie.console import Problem


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize(
    ("said", "meant"), [("yes", True), ("1", True), ("TRUE", True), ("no", False), ("0", False), ("False", False)]
)
def test_yes_and_no_in_the_words_that_people_use(
    said: str, meant: bool, default: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", said)
    assert switch("DRY_RUN", default=default) is meant


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("said", [None, ""])
def test_nothing_said_is_the_default(said: str | None, default: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRY_RUN", raising=False)
    if said is not None:
        monkeypatch.setenv("DRY_RUN", said)
    assert switch("DRY_RUN", default=default) is default


def test_anything_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run that was misspelt would delete."""
    monkeypatch.setenv("DRY_RUN", "yep")
    with pytest.raises(Problem, match=r"^DRY_RUN must be yes or no \(also true, false, 1, 0\); got 'yep'$"):
        switch("DRY_RUN")
