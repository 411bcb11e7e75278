"""`make releases` and `make rollback`: where a rollback goes, and that a refusal changes nothing."""

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from components.releases import Release, Releases, Schema, kept_images, what_runs
from slidegenie.console import Problem
from slidegenie.pulumi.state import StackState
from slidegenie.rollout import releases as module
from slidegenie.rollout.releases import listed, rollback

if TYPE_CHECKING:
    from slidegenie.pulumi.stack import PulumiStack

_SCHEMA = Schema("1", ("1",))


def image(number: int) -> str:
    return f"sha256:{number}"


def container(service: str, runs: str, **state: Any) -> dict[str, Any]:
    return {
        "Id": service,
        "Name": f"/{service}",
        "Created": "",
        "Image": runs,
        "Config": {"Image": runs, "Labels": {"com.docker.compose.service": service}},
        "State": {"Status": "running", "Running": True} | state,
    }


class Stack:
    """A stack with three releases, of which the last one runs, and its engine."""

    name, label = "test", "slidegenie/test"

    def __init__(self) -> None:
        known = tuple(
            Release(number, f"{number}.0.0", "abc", "2026-01-31T12:00:00+00:00", image(number), {}, _SCHEMA)
            for number in (1, 2, 3)
        )
        self.releases = Releases(known, 3)
        self.images = {image(1), image(2), image(3)}
        self.migrated = 'migrate: schema {"head": "1", "compatible_with": ["1"]}\n'
        self.containers = [
            container("app", image(3)),
            container("migrate", image(3), Status="exited", Running=False, ExitCode=0),
        ]
        self.succeeded, self.exported = True, StackState(())
        self.opened: list[tuple[int | None, bool]] = []
        self.rollouts = 0

    def outputs(self) -> dict[str, Any]:
        return {"releases": self.releases.output()}

    def last_update_succeeded(self) -> bool:
        return self.succeeded

    def state(self) -> StackState:
        return self.exported

    def open(self, *, rollback: int | None = None, unchecked: bool = False) -> None:
        self.opened.append((rollback, unchecked))

    def roll_out(self, _stack: object) -> int:
        self.rollouts += 1
        return 1

    def docker(self, _engine: object, *args: str) -> "subprocess.CompletedProcess[str]":
        code = 1 if args[0] == "image" and args[-1] not in self.images else 0
        return subprocess.CompletedProcess(args, code, self.migrated if args[0] == "logs" else "", "")


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack()
    for where in (kept_images, what_runs):
        monkeypatch.setattr(where, "docker", made.docker)
    monkeypatch.setattr(module, "containers", lambda *_, **__: made.containers)
    monkeypatch.setattr(module, "roll_out", made.roll_out)
    return made


def back(stack: Stack, *, force: bool = False) -> int:
    return rollback(cast("PulumiStack", stack), force=force).number


def lines(stack: Stack) -> list[str]:
    return listed(cast("PulumiStack", stack))


def failed(stack: Stack) -> None:
    stack.succeeded = False


def killed_between_replicas(stack: Stack) -> None:
    stack.containers.append(container("app", image(4)))


def killed_after_the_migration(stack: Stack) -> None:
    stack.containers.append(container("migrate", image(4), Status="exited", Running=False, ExitCode=0))


def killed_in_the_middle(stack: Stack) -> None:
    stack.exported = StackState((), interrupted=True)


def killed_before_the_old_went(stack: Stack) -> None:
    stack.exported = StackState(({"urn": "urn:x::old", "type": "x", "delete": True},))


_BROKEN = [
    failed,
    killed_between_replicas,
    killed_after_the_migration,
    killed_in_the_middle,
    killed_before_the_old_went,
]


def test_a_rollback_goes_to_the_release_before(stack: Stack) -> None:
    assert back(stack) == 2
    assert (stack.opened, stack.rollouts) == ([(2, False)], 1)


@pytest.mark.parametrize("what", _BROKEN)
def test_while_a_rollout_is_broken_it_goes_to_what_serves(stack: Stack, what: Callable[[Stack], None]) -> None:
    what(stack)
    assert lines(stack)[-1].startswith("a rollout began after it and did not succeed")
    assert back(stack) == 3


def test_what_somebody_went_back_from_is_never_gone_back_to(stack: Stack) -> None:
    stack.releases = stack.releases.went_back(1).succeeded(
        version="4", revision="abc", at="", image=image(4), settings={}, schema=_SCHEMA
    )
    stack.containers = [container("app", image(4))]
    assert back(stack) == 1


def test_a_database_that_cannot_go_back_is_a_refusal_that_changes_nothing(stack: Stack) -> None:
    stack.migrated = 'migrate: schema {"head": "2", "compatible_with": ["2"]}\n'
    with pytest.raises(Problem, match="nothing was changed: the database is at revision 2"):
        back(stack)
    assert (stack.opened, stack.rollouts) == ([], 0)
    assert back(stack, force=True) == 2
    assert stack.opened == [(2, True)]


def test_an_image_that_went_is_a_refusal_that_changes_nothing(stack: Stack) -> None:
    stack.images.clear()
    with pytest.raises(Problem, match="no longer on this engine; nothing was changed"):
        back(stack)
    assert (stack.opened, stack.rollouts) == ([], 0)


def test_an_image_of_a_registry_need_not_be_on_the_engine(stack: Stack) -> None:
    stack.images.clear()
    stack.releases = Releases.of(
        {
            "current": 2,
            "known": [
                dict(known, image=f"r.example.com/app@{known['image']}", number=number)
                for number, known in enumerate(stack.releases.output()["known"][:2], start=1)
            ],
        }
    )
    stack.containers = [container("app", f"r.example.com/app@{image(2)}")]
    assert back(stack) == 1


def test_without_a_release_before_there_is_nothing_to_go_back_to(stack: Stack) -> None:
    stack.releases, stack.containers = Releases(stack.releases.known[:1], 1), [container("app", image(1))]
    with pytest.raises(Problem, match="has no good release to go back to"):
        back(stack)
    stack.releases = Releases()
    with pytest.raises(Problem, match="has no release yet"):
        lines(stack)


def test_the_list_says_which_one_runs_and_which_can_be_gone_back_to(stack: Stack) -> None:
    stack.releases = stack.releases.went_back(2)
    stack.containers = [container("app", image(2))]
    said = lines(stack)[1:]
    assert [(line[0], line.split()[-1]) for line in said] == [(" ", "abandoned"), ("*", "runs"), (" ", "yes")]
    stack.containers.append(container("migrate", image(2), Status="exited", Running=False, ExitCode=0))
    stack.migrated = 'migrate: schema {"head": "3", "compatible_with": ["3"]}\n'
    assert lines(stack)[-1].split()[-1] == "no"
