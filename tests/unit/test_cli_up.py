"""What `make up` decides before it changes anything: which stack, what carries it out, and when it refuses."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from slidegenie.commands import stack as commands
from slidegenie.console import Problem
from slidegenie.context import Request
from slidegenie.engine import preflight
from slidegenie.engine.preflight import RegistryUnreachableError
from slidegenie.images import airgap
from slidegenie.plan import Plan
from slidegenie.pulumi.state import StackState
from slidegenie.rollout.image_record import image_record
from slidegenie.user_folder import UserFolder

from .plans import ROOT

_NO_REGISTRY = RegistryUnreachableError("docker.io/library/redis cannot be pulled: no such host")


class Machine:
    """A machine on which nothing is done, and all of it noted."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.pulumi: object | None = object()
        self.unreachable: set[str] = set()
        self.refusal: Problem | None = None
        self.moved: dict[str, str] = {}

    def pull(self, plan: Plan, *, newest: bool) -> list[str]:
        self.did.append(f"pull {'the newest of ' if newest else ''}{plan.stack}")
        if plan.stack in self.unreachable:
            raise _NO_REGISTRY
        return []

    def carry_out(self, what: str, begins: Callable[[], None]) -> int:
        if self.refusal is not None:
            raise self.refusal
        begins()
        self.did.append(what)
        return 1

    def roll_out(self, _stack: object, label: str, anew: Sequence[str], *, begins: Callable[[], None]) -> int:
        return self.carry_out(" ".join(["pulumi", label, *anew]), begins)

    def compose(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(
            up=lambda begins: self.carry_out(f"compose {name}", begins),
            preview=lambda: self.did.append(f"preview {name}"),
        )

    def history(self) -> SimpleNamespace:
        return SimpleNamespace(
            begin=lambda: self.did.append("begin"),
            came_up=lambda: self.did.append("came up"),
        )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()

    def quiet(*_: object, **__: object) -> None:
        """Do nothing."""

    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path))
    monkeypatch.setattr("slidegenie.context.ROOT", ROOT)
    monkeypatch.setattr("slidegenie.runner.docker", lambda *_, **__: subprocess.CompletedProcess((), 0, "", ""))
    monkeypatch.setattr(commands, "StackProgram", lambda _root, stack: Plan("slidegenie", stack))
    monkeypatch.setattr(commands, "find_pulumi", lambda: made.pulumi)
    monkeypatch.setattr(commands, "PulumiStack", lambda *_: SimpleNamespace(open=quiet, state=lambda: StackState(())))
    monkeypatch.setattr(commands, "ComposeStack", lambda _root, name, _home: made.compose(name))
    monkeypatch.setattr(commands, "history_of", lambda _stack: made.history())
    monkeypatch.setattr(commands, "moved_images", lambda *_: made.moved)
    monkeypatch.setattr(commands, "roll_out", made.roll_out)
    monkeypatch.setattr(preflight, "check_host", lambda plan: made.did.append(f"check {plan.stack}"))
    monkeypatch.setattr(preflight, "pull_images", made.pull)
    for name in (
        "enforce",
        "ensure_engine",
        "let_go",
        "note_rollout",
        "wait_until_served",
        "show_addresses",
        "refuse_foreign_data",
    ):
        monkeypatch.setattr(commands, name, quiet)
    for module, name in ((preflight, "check_certificate"), (airgap, "run_script")):
        monkeypatch.setattr(module, name, quiet)
    return made


def up(stack: str | None = None, engine: str = "auto") -> None:
    commands.up(Request(stack, engine))


def test_the_first_one_is_dev_with_pulumi(machine: Machine) -> None:
    up()
    assert machine.did == ["check dev", "pull dev", "begin", "pulumi slidegenie/dev", "came up"]
    assert (UserFolder.open().current(), UserFolder.open().engine("dev")) == ("dev", "pulumi")


def test_newer_images_are_taken_when_somebody_says_so(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.moved = {"urn::redis": "redis:8"}
    up()
    assert machine.did[-2] == "pulumi slidegenie/dev"
    assert "newer images than the stack was made from (redis:8); `make up NEWEST=1`" in capsys.readouterr().out
    monkeypatch.setenv("NEWEST", "1")
    up()
    assert machine.did[-4:-1] == ["pull the newest of dev", "begin", "pulumi slidegenie/dev urn::redis"]
    assert "NEWEST" not in capsys.readouterr().out


def test_without_a_name_the_stack_last_brought_up_is_meant(machine: Machine) -> None:
    """A failed rollout of `prod` tells to type `make up`."""
    up("prod")
    machine.did.clear()
    up()
    assert machine.did[0] == "check prod"


def test_without_pulumi_the_first_one_goes_to_compose_and_stays_there(machine: Machine) -> None:
    machine.pulumi = None
    up()
    machine.pulumi = object()
    up()
    assert machine.did == ["check dev", "pull dev", "compose dev"] * 2


def test_what_pulumi_runs_is_never_handed_to_compose(machine: Machine) -> None:
    """Compose would make other passwords for the data that is there."""
    up("prod")
    machine.pulumi = None
    machine.did.clear()
    with pytest.raises(
        Problem, match=r"^stack prod was brought up with Pulumi, which cannot be used here now, so noth"
    ):
        up("prod")
    assert machine.did == ["check prod", "pull prod"]
    assert UserFolder.open().engine("prod") == "pulumi"


@pytest.mark.parametrize("engine", ["pulumi", "compose"])
def test_what_was_refused_is_neither_an_attempt_nor_remembered(machine: Machine, engine: str) -> None:
    machine.refusal = Problem("was brought up by another user")
    with pytest.raises(Problem, match="another user"):
        up(engine=engine)
    assert machine.did == ["check dev", "pull dev"]
    assert UserFolder.open().current() is None


def test_without_a_registry_the_first_one_falls_back_and_says_why(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.unreachable = {"dev"}
    up()
    assert machine.did[:4] == ["check dev", "pull dev", "check airgap", "pull airgap"]
    assert "redis cannot be pulled: no such host" in capsys.readouterr().out
    assert UserFolder.open().current() == "airgap"


def test_what_was_pulled_before_a_pull_failed_is_on_record(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make clean` may remove what is on record, and nothing else."""

    def pull(_plan: Plan, *, newest: bool) -> Iterator[str]:  # noqa: ARG001
        yield "docker.io/library/redis:8"
        raise Problem("docker.io/library/postgres:17 cannot be pulled")

    monkeypatch.setattr(preflight, "pull_images", pull)
    with pytest.raises(Problem, match="postgres:17 cannot be pulled"):
        up()
    assert machine.did == ["check dev"]
    assert set(image_record(UserFolder.open(), "slidegenie/dev").pulled()) == {"redis:8"}


@pytest.mark.parametrize(("stack", "before"), [("dev", None), (None, "dev")])
def test_another_stack_never_takes_the_place_of_the_one_that_is_meant(
    machine: Machine, stack: str | None, before: str | None
) -> None:
    if before:
        up(before)
    machine.unreachable = {"dev"}
    with pytest.raises(Problem, match="`make up STACK=airgap` needs no registry"):
        up(stack)


def test_a_preview_is_made_by_what_up_would_use(machine: Machine) -> None:
    machine.pulumi = None
    commands.preview(Request(None, "auto"))
    assert machine.did == ["preview dev"]
