"""What is protected and left the settings: what may go is let go, and what nobody could bring back is not."""

import copy
from typing import TYPE_CHECKING, Any, cast

import pytest

from components.cli.letting_go import let_go
from components.cli.state import State
from components.plan import Plan

from .planned import platform

if TYPE_CHECKING:
    from components.cli.stack import PulumiStack

_TYPES = "slidegenie:index:SlideGeniePlatform$"


class Stack:
    """A stack whose state is what a plan says."""

    def __init__(self, plan: Plan) -> None:
        self._resources = tuple(
            {
                "urn": f"urn:pulumi:test::slidegenie::{_TYPES}{resource.type}::{resource.name}",
                "type": resource.type,
                "id": resource.inputs.get("name", resource.name),
                "inputs": copy.deepcopy(dict(resource.inputs)),
                # The plan does not record it; these are.
                "protect": "andom" in resource.type or resource.name.endswith("-data"),
            }
            for resource in plan.resources
        )
        self.unprotected: list[str] = []

    def state(self) -> State:
        return State(self._resources)

    def unprotect(self, urn: str) -> None:
        self.unprotected.append(urn.rpartition("::")[2])


def gone(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    stack = Stack(platform(**before))
    let_go(cast("PulumiStack", stack), platform(**after))
    return set(stack.unprotected)


def test_nothing_goes_when_nothing_changes() -> None:
    assert gone({}, {}) == set()


def test_a_secret_that_is_given_now_takes_the_generated_ones_place() -> None:
    assert gone({}, {"secrets": {"redisPassword": "given"}}) == {"slidegenie-redis-password"}


def test_a_certificate_of_ones_own_takes_the_local_authoritys_place() -> None:
    left = gone({}, {"proxy": {"tls": "acme", "domain": "slides.example.com"}})
    assert left == set(), "with ACME the local certificate stays, for other names"


@pytest.mark.parametrize(
    "place", [{"path": "/mnt/backups"}, {"repository": "s3:https://s3.example.com/b"}], ids=["path", "repository"]
)
def test_backups_may_move_and_stay_where_they_were(place: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    secrets = {"backupCredentials": {"AWS_ACCESS_KEY_ID": "x"}}
    assert gone({"backup": {}}, {"backup": place, "secrets": secrets}) == {"slidegenie-backup-backups-data"}
    assert "those in volume slidegenie-test-backups stay there" in capsys.readouterr().out


def test_what_opens_backups_that_are_turned_off_stays() -> None:
    left = gone({}, {"backup": {"enabled": False}})
    assert "slidegenie-backup-password" not in left
    assert "slidegenie-backup-backups-data" not in left
