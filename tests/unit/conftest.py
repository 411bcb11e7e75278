"""The plans of the stacks in this repository, each recorded once."""

import pytest

from components.plan import Plan

from .plans import STACKS, plan_of


@pytest.fixture(scope="session")
def plans() -> dict[str, Plan]:
    return {stack: plan_of(stack) for stack in STACKS}


@pytest.fixture(params=STACKS)
def plan(request: pytest.FixtureRequest, plans: dict[str, Plan]) -> Plan:
    """Return the plan of each stack in turn."""
    return plans[request.param]
