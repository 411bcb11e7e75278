"""What the unit tests share: the plans of the stacks in this repository, each recorded once."""

import gc

import pytest
from pulumi.runtime import resource
from pulumi.runtime.proto import source_pb2

from slidegenie.plan import Plan

from .plans import STACKS, plan_of

_ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000


def pytest_configure() -> None:
    """Have a plan recorded in two thirds of the time: it is what most of these tests wait for."""
    # A plan is tens of thousands of objects, and looking for garbage among them was half its time.
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS, 20, 50)
    # Nobody reads which lines of a program declared a resource, and to find them took a sixth.
    resource._get_stack_trace = source_pb2.StackTrace


@pytest.fixture(scope="session")
def plans() -> dict[str, Plan]:
    return {stack: plan_of(stack) for stack in STACKS}


@pytest.fixture(params=STACKS)
def plan(request: pytest.FixtureRequest, plans: dict[str, Plan]) -> Plan:
    """Return the plan of each stack in turn."""
    return plans[request.param]
