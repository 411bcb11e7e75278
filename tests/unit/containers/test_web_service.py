"""A service of another team next to the application: its route, its labels, and what it cannot be."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

import components
from components import (
    HealthCheck,
    Limits,
    SlideGeniePlatform,
    SlideGeniePlatformArgs,
    WebService,
    WebServiceArgs,
    Zone,
    parse_settings,
)
from components.edge.routes import rule
from slidegenie.plan import Plan, StackProgram

from ...support.workspace import ROOT
from ..planned import ELSEWHERE, labels, recorded, uploads, workloads

SERVER = "traefik.http.services.reports.loadbalancer"


def args(platform: SlideGeniePlatform, **changes: Any) -> WebServiceArgs:
    common: dict[str, Any] = {
        "foundation": platform.foundation,
        "proxy": platform.proxy,
        "service": "reports",
        "image": "ghcr.io/example/reports@sha256:" + "0" * 64,
        "port": 9000,
        "path": "/reports",
        "limits": Limits(memory_mib=128),
        "health": HealthCheck(command=["reports", "health"]),
    }
    return WebServiceArgs(**common | changes)


def planned(program: Callable[[SlideGeniePlatform], object], **sections: Any) -> Plan:
    values = ELSEWHERE | {"engine": {"socketGroup": 999}, "proxy": {"domain": "slides.example.com"}} | sections
    settings = parse_settings(values, "Pulumi.test.yaml")
    return recorded(lambda: program(SlideGeniePlatform("slidegenie", SlideGeniePlatformArgs(settings=settings))))


def route(plan: Plan, service: str = "reports") -> Any:
    seed = plan.named(f"slidegenie-traefik-route-{service}")
    return yaml.safe_load(uploads(seed)[f"route-{service}.yml"])["http"]["routers"]


def test_a_path_is_led_to_it_under_the_domain_of_the_platform() -> None:
    plan = planned(lambda platform: WebService("reports", args(platform)))

    assert set(route(plan)) == {"reports", "reports-measured"}
    assert route(plan)["reports"] == (
        {
            "entryPoints": ["websecure"],
            "rule": "Host(`slides.example.com`) && (Path(`/reports`) || PathPrefix(`/reports/`))",
            "priority": 2 * (1 + len("/reports")),
            "service": "reports@docker",
        }
    )


def test_the_application_takes_what_no_other_service_took() -> None:
    plan = planned(lambda platform: WebService("reports", args(platform)))

    assert route(plan, "app")["app"] == (
        {
            "entryPoints": ["websecure"],
            "rule": rule("slides.example.com", None, ["/metrics", "/health/ready"]),
            "priority": 2,
            "service": "app@docker",
        }
    )


def test_the_direct_port_is_the_applications() -> None:
    proxy = {"domain": "slides.example.com", "backendPort": 8000}
    plan = planned(lambda platform: WebService("reports", args(platform)), proxy=proxy)

    assert route(plan, "app")["app-direct"] == {
        "entryPoints": ["direct"],
        "rule": "PathPrefix(`/`)",
        "middlewares": ["retry@file"],
        "service": "app@docker",
    }
    assert "reports-direct" not in route(plan)


def test_the_proxy_finds_its_containers_by_labels_that_never_change() -> None:
    plan = planned(lambda platform: WebService("reports", args(platform, health_path="/ready", labels={"team": "bi"})))
    found = labels(plan.named("reports-1"))

    assert {key: value for key, value in found.items() if key.startswith("traefik.")} == {
        "traefik.enable": "true",
        f"{SERVER}.server.port": "9000",
        f"{SERVER}.healthcheck.path": "/ready",
        f"{SERVER}.healthcheck.interval": "500ms",
        f"{SERVER}.healthcheck.timeout": "2s",
    }
    assert found["team"] == "bi"


def test_it_has_two_replicas_on_the_application_network_unless_told_otherwise() -> None:
    plan = planned(lambda platform: WebService("reports", args(platform)))
    replicas = [container for container in workloads(plan) if container.name.startswith("reports-")]

    assert {container.name for container in replicas} == {"reports-1", "reports-2"}
    for container in replicas:
        assert [network["name"] for network in container.inputs["networksAdvanced"]] == ["slidegenie-application-test"]
        assert container.delete_before_replace is False
        assert container.inputs["waitTimeout"] == 60


def test_it_may_join_the_data_network_too() -> None:
    plan = planned(
        lambda platform: WebService("reports", args(platform, zones=(Zone.APPLICATION, Zone.DATA), replicas=1))
    )
    networks = plan.named("reports-1").inputs["networksAdvanced"]

    assert [network["name"] for network in networks] == ["slidegenie-application-test", "slidegenie-data-test"]


def test_hidden_paths_are_hidden_below_its_path() -> None:
    plan = planned(lambda platform: WebService("reports", args(platform, hidden_paths=("/metrics",))))

    assert route(plan)["reports"]["rule"] == rule("slides.example.com", "/reports", ["/metrics"])


@pytest.mark.parametrize("hidden", ["metrics", "/", "/a`b", "/%6detrics"])
def test_a_hidden_path_has_one_spelling(hidden: str) -> None:
    with pytest.raises(ValueError, match=r"^reports: each of hidden_paths must start with a slash .*; got "):
        planned(lambda platform: args(platform, hidden_paths=(hidden,)))


def test_the_proxy_must_reach_it() -> None:
    with pytest.raises(ValueError, match=r"^reports: zones must include Zone.APPLICATION, the proxy reaches it there$"):
        planned(lambda platform: args(platform, zones=(Zone.DATA,)))


@pytest.mark.parametrize("path", ["reports", "/", "//", ""])
def test_a_path_names_something(path: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^reports: path must start with a slash .*, like /reports, .*; got {path!r}$"
    ):
        planned(lambda platform: args(platform, path=path))


def test_two_services_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="share the name slidegenie-traefik-route-reports"):
        planned(lambda p: [WebService("reports", args(p)), WebService("others", args(p))])


# ---------------------------------------------------------------------------- example
# The other team's program in `examples/platform-team` declares what it promises, in under 40 lines.


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
