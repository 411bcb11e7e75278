"""The plans of the stacks in this repository, each recorded once."""

import pytest

from components.plan import Plan, plan_stack

from .planned import ROOT, STACKS


@pytest.fixture(scope="session")
def plans() -> dict[str, Plan]:
    return {stack: plan_stack(ROOT, stack) for stack in STACKS}


@pytest.fixture(params=STACKS)
def plan(request: pytest.FixtureRequest, plans: dict[str, Plan]) -> Plan:
    """Return the plan of each stack in turn."""
    return plans[request.param]
