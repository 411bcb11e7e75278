"""The other team's program in `examples/platform-team` declares what it promises, in under 40 lines."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

import components
from slidegenie.plan import Plan, StackProgram

from ...support.workspace import ROOT

EXAMPLE = ROOT / "examples" / "platform-team"


@pytest.fixture(scope="module")
def plan() -> Iterator[Plan]:
    """The example's plan; the library has its published name there."""
    sys.modules["slidegenie_platform"] = components
    yield StackProgram.read(EXAMPLE, "dev").plan()
    del sys.modules["slidegenie_platform"]


def test_the_program_has_fewer_than_forty_lines() -> None:
    assert len((EXAMPLE / "__main__.py").read_text(encoding="utf-8").splitlines()) < 40


def test_its_service_is_as_hardened_as_the_platforms_own(plan: Plan) -> None:
    inputs = plan.named("reports-1", "docker:index/container:Container").inputs
    assert inputs["user"] == "1000:1000"
    assert inputs["readOnly"] is True
    assert inputs["capabilities"] == {"drops": ["ALL"]}
    assert inputs["memory"] == inputs["memorySwap"] == 64


def test_the_proxy_leads_its_path_to_it(plan: Plan) -> None:
    reports, app = (_router(plan, service) for service in ("reports", "app"))
    assert reports["rule"] == "Host(`localhost`) && (Path(`/reports`) || PathPrefix(`/reports/`))"
    assert reports["priority"] > app["priority"], "what takes all other paths comes last, however long its rule is"


def _router(plan: Plan, service: str) -> dict[str, Any]:
    upload = plan.named(f"platform-traefik-route-{service}", "docker:index/container:Container").inputs["uploads"]
    router: dict[str, Any] = yaml.safe_load(upload[0]["content"])["http"]["routers"][service]
    return router


def test_its_settings_are_read_under_its_own_project_name(plan: Plan) -> None:
    assert (plan.project, plan.stack) == ("reports", "dev")
    ports = plan.named("platform-traefik-1", "docker:index/container:Container").inputs["ports"]
    assert {port["external"] for port in ports} == {8090, 8453}
