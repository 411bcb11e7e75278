"""A service of another team next to the application: its route, its labels, and what it cannot be."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

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
from components.edge.rules import rule
from slidegenie.plan import Plan

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
