"""Pulumi as what carries a plan out: which release a rotation keeps, and what of others it leaves alone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from components.releases import Releases
from slidegenie.console import Problem
from slidegenie.engine import ownership
from slidegenie.plan import StackProgram
from slidegenie.pulumi.state import StackState
from slidegenie.pulumi.steps import PreviewedSteps
from slidegenie.rollout import runner as module
from slidegenie.rollout.runner import PulumiRunner
from slidegenie.runner import PreviewOptions, RunnerKind, UpOptions
from slidegenie.user_folder import UserFolder

from ..plans import container, in_a_program, made_of

_SERVER = {
    "Id": "theirs",
    "Name": "/slidegenie-app-1",
    "Config": {"Labels": {"io.slidegenie.role": "server", "com.docker.compose.service": "app"}},
}


class Stack:
    """A stack whose state knows nothing; what is done to it is noted."""

    name, label = "dev", "slidegenie/dev"

    def __init__(self) -> None:
        self.did: list[str] = []
        self.refusal: Problem | None = None
        self.locked: Problem | None = None
        self.releases = Releases()

    def open(self, *, make: bool = False, rollback: int | None = None) -> None:
        self.did.append("make" if make else f"open with release {rollback}" if rollback else "open")

    def outputs(self) -> dict[str, Any]:
        return {"releases": self.releases.output()}

    def state(self) -> StackState:
        return StackState(())

    def refuse_while_locked(self) -> None:
        if self.locked is not None:
            raise self.locked

    def preview(self, _options: PreviewOptions) -> tuple[PreviewedSteps, str]:
        self.did.append("preview")
        return PreviewedSteps(), "what Pulumi prints"

    def down(self) -> int:
        self.did.append("down")
        return 0

    def destroy(self, *, with_backups: bool) -> int:
        self.did.append(f"destroy {with_backups=}")
        return 0

    def roll_out(
        self, _stack: object, anew: Sequence[str] = (), *, plan: Path | None, on_start: Callable[[], None]
    ) -> int:
        if self.refusal is not None:
            raise self.refusal
        on_start()
        self.did.append(" ".join(["roll out", *anew, *(["by a plan"] if plan else [])]))
        return 1

    # What Rotation does.

    def rotate(self, secret: str) -> None:
        self.did.append(f"rotate {secret}")


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack()
    in_a_program(tmp_path, monkeypatch)
    for name in ("PulumiStack", "Rotation"):
        monkeypatch.setattr(module, name, lambda *_: made)
    monkeypatch.setattr(module, "roll_out", made.roll_out)
    monkeypatch.setattr(module, "sweep", lambda *_: made.did.append("sweep"))
    monkeypatch.setattr(module, "keep_images", lambda *_: made.did.append("let go of images"))
    monkeypatch.setattr(ownership, "containers", lambda *_, **__: [])
    return made


def runner() -> PulumiRunner:
    program = StackProgram.read(Path.cwd(), "dev")
    return PulumiRunner(program, program.plan, UserFolder.open(), cast("Any", None))


def test_a_rollout_is_remembered(stack: Stack) -> None:
    runner().up(UpOptions())
    assert stack.did == ["make", "roll out"]
    assert (UserFolder.open().current(), UserFolder.open().runner("dev")) == ("dev", RunnerKind.PULUMI)


def test_a_plan_that_was_approved_is_what_is_rolled_out(stack: Stack) -> None:
    runner().up(UpOptions(plan=Path("plan.json")))
    assert "roll out by a plan" in stack.did


def test_newer_images_are_taken_when_somebody_says_so(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "moved_images", lambda *_: {"urn::redis": "redis:8"})
    runner().up(UpOptions())
    assert stack.did[-1] == "roll out"
    assert "newer images than the stack was made from (redis:8); `make up NEWEST=1`" in capsys.readouterr().out
    runner().up(UpOptions(newest=True))
    assert stack.did[-1] == "roll out urn::redis"
    assert "NEWEST" not in capsys.readouterr().out


def test_what_was_refused_is_neither_an_attempt_nor_remembered(stack: Stack) -> None:
    stack.refusal = Problem("was brought up by another user")
    with pytest.raises(Problem, match="another user"):
        runner().up(UpOptions())
    assert stack.did == ["make"]
    assert UserFolder.open().current() is None


def test_a_rotation_keeps_what_a_rollback_put_there(stack: Stack) -> None:
    runner().rotate("redis", lambda: None)
    assert stack.did == ["open", "open", "rotate redis"]
    stack.did.clear()
    stack.releases = Releases(current=2)
    runner().rotate("redis", lambda: None)
    assert stack.did == ["open", "open", "rotate redis"], "settings and code say what runs"
    stack.did.clear()
    stack.releases = Releases(current=2, held=True)
    runner().rotate("redis", lambda: None)
    assert stack.did == ["open", "open with release 2", "rotate redis"]


def take_down() -> None:
    runner().down()


def destroy() -> None:
    runner().destroy(with_backups=True)


@pytest.mark.parametrize("command", [take_down, destroy])
def test_what_a_killed_rollout_left_goes_first(stack: Stack, command: Callable[[], None]) -> None:
    command()
    assert stack.did[:2] == ["open", "sweep"]
    assert stack.did[2:] in (["down"], ["destroy with_backups=True", "let go of images"])


@pytest.mark.parametrize("command", [take_down, destroy])
def test_what_another_state_brought_up_is_not_taken_away(
    stack: Stack, command: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "containers", lambda *_, **__: [_SERVER])
    with pytest.raises(Problem, match="was brought up by another user"):
        command()
    assert stack.did == ["open"]


@pytest.mark.parametrize("command", [take_down, destroy])
def test_nothing_is_taken_away_from_under_an_update(stack: Stack, command: Callable[[], None]) -> None:
    stack.locked = Problem("somebody is at it; nothing was changed")
    with pytest.raises(Problem, match="somebody is at it"):
        command()
    assert stack.did == ["open"]


def test_a_preview_says_what_becomes_of_services_before_pulumi_says_it_of_resources(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StackProgram, "plan", lambda *_: made_of([container("web", memory=64)]))
    runner().preview(PreviewOptions())

    assert stack.did == ["make", "preview"]
    assert capsys.readouterr().out.splitlines() == [
        "what becomes of the services of stack test: 1 added",
        "    web: added",
        "    memory of all servers: 0 → 64 MiB (+64)",
        "    CPUs of all servers: 0 → 1 (+1)",
        "    data: not touched",
        "what Pulumi prints",
    ]
