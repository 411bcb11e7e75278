"""What the unit tests share: the plans of the stacks in this repository, each recorded once."""

import gc

import pytest

from slidegenie.plan import Plan

from .plans import STACKS, plan_of

_ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000


def pytest_configure() -> None:
    """Collect garbage less often: a plan is tens of thousands of objects, and looking for garbage was half its time."""
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS, 20, 50)


@pytest.fixture(scope="session")
def plans() -> dict[str, Plan]:
    return {stack: plan_of(stack) for stack in STACKS}


@pytest.fixture(params=STACKS)
def plan(request: pytest.FixtureRequest, plans: dict[str, Plan]) -> Plan:
    """Return the plan of each stack in turn."""
    return plans[request.param]
