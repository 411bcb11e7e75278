"""What is protected and left the settings: what may go is let go, and what nobody could bring back is not."""

import copy
import functools
import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from slidegenie.console import Problem
from slidegenie.plan import Plan
from slidegenie.plan.view import VOLUME
from slidegenie.pulumi.state import StackState
from slidegenie.rollout.protection import unprotect_replaced

from ..planned import as_it_comes, platform

if TYPE_CHECKING:
    from slidegenie.pulumi.stack import PulumiStack

_TYPES = "slidegenie:index:SlideGeniePlatform$"


class Stack:
    """A stack whose state is what a plan says."""

    name = "test"

    def __init__(self, plan: Plan) -> None:
        self._resources = tuple(
            {
                "urn": f"urn:pulumi:test::slidegenie::{_TYPES}{resource.type}::{resource.name}",
                "type": resource.type,
                "id": resource.inputs.get("name", resource.name),
                "inputs": copy.deepcopy(dict(resource.inputs)),
                # The plan does not record it; these are.
                "protect": resource.type.startswith("random:")
                or (resource.type == VOLUME and resource.name.endswith("-data")),
            }
            for resource in plan.resources
        )
        self.unprotected: list[str] = []

    def state(self) -> StackState:
        return StackState(self._resources)

    def unprotect(self, urn: str) -> None:
        self.unprotected.append(urn.rpartition("::")[2])


def planned(sections: dict[str, Any]) -> Plan:
    return _planned(json.dumps(sections)) if sections else as_it_comes()


@functools.cache
def _planned(sections: str) -> Plan:
    return platform(**json.loads(sections))


def gone(before: dict[str, Any], after: dict[str, Any], *, remove: bool = False) -> set[str]:
    stack = Stack(planned(before))
    unprotect_replaced(cast("PulumiStack", stack), planned(after), remove=remove)
    return set(stack.unprotected)


def test_nothing_goes_when_nothing_changes() -> None:
    assert gone({}, {}) == set()


def test_a_secret_that_is_given_now_takes_the_generated_ones_place() -> None:
    given = {"redisPassword": "given", "backupPassword": "given"}
    assert gone({}, {"secrets": given}) == {"slidegenie-redis-password", "slidegenie-backup-password"}


@pytest.mark.parametrize(
    "place", [{"path": "/mnt/backups"}, {"repository": "s3:https://s3.example.com/b"}], ids=["path", "repository"]
)
def test_backups_may_move_and_stay_where_they_were(place: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    secrets = {"backupCredentials": {"AWS_ACCESS_KEY_ID": "x"}}
    assert gone({"backup": {}}, {"backup": place, "secrets": secrets}) == {"slidegenie-backup-backups-data"}
    assert "those in volume slidegenie-test-backups stay there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        ({"backup": {"enabled": False}}, {"slidegenie-backup-backups-data", "slidegenie-backup-password"}),
        ({"monitoring": {"enabled": False}}, {"slidegenie-monitoring-prometheus-data"}),
        (
            {"postgres": {"external": {"host": "db"}}, "secrets": {"postgresPassword": "given"}},
            {"slidegenie-postgres-data"},
        ),
    ],
)
def test_data_goes_when_somebody_says_so_and_not_before(after: dict[str, Any], lost: set[str]) -> None:
    with pytest.raises(Problem) as refused:
        gone({}, after)
    assert all(name in str(refused.value) for name in lost)
    assert "Nothing was changed" in str(refused.value)
    assert "login-password" not in str(refused.value), "that is made again"
    assert lost <= gone({}, after, remove=True)
