"""Ports, routes and labels, and the allow-list in front of the Docker socket."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..core.assets import asset
from ..core.go_template import literally

SOCKET_PROXY_PORT = 2375
HTTP, HTTPS, DIRECT, INTERNAL = 8080, 8443, 8000, 8082
"""Ports inside the proxy's container: unprivileged ones, whatever the host publishes them as."""
_FIRST_LOCAL = 8100
"""The first of the ports inside the container that lead to one service each, on the Docker host only."""


def allow_list() -> str:
    """Return what HAProxy is told, which stands in front of the Docker socket."""
    return Path(asset("docker", "socket-proxy", "haproxy.cfg")).read_text(encoding="utf-8")


def local_ports(services: Sequence[str]) -> Mapping[str, int]:
    """Return the port inside the proxy's container that each of `services` has to itself."""
    return {service: _FIRST_LOCAL + index for index, service in enumerate(sorted(services))}


def route(service: str, rule: str, *, priority: int, direct: bool, request_mib: int = 0) -> str:
    """Return the dynamic configuration that leads what matches `rule` to the containers of `service`.

    Of several rules that match, the one with the highest `priority` wins. A body may have `request_mib`; 0: any size.
    """
    target = f"{service}@docker"
    routers = _over_tls(service, rule, target, priority, request_mib)
    if direct:
        routers[f"{service}-direct"] = {
            "entryPoints": ["direct"],
            "rule": "PathPrefix(`/`)",
            "middlewares": ["retry@file"],
            "service": target,
        }
    return as_dynamic({"http": {"routers": routers}})


def forward(service: str, port: int, *, rule: str | None, priority: int, local: bool, request_mib: int = 0) -> str:
    """Return the dynamic configuration that leads to the one container of `service`, found by its name.

    `rule` leads what matches it there over TLS; `local` gives it the port that `local_ports` says.
    """
    routers = _over_tls(service, rule, service, priority, request_mib) if rule is not None else {}
    if local:
        routers[f"{service}-local"] = {"entryPoints": [service], "rule": "PathPrefix(`/`)", "service": service}
    servers = [{"url": f"http://{service}:{port}"}]
    return as_dynamic({"http": {"routers": routers, "services": {service: {"loadBalancer": {"servers": servers}}}}})


def _over_tls(name: str, rule: str, service: str, priority: int, request_mib: int) -> dict[str, Any]:
    """Return the router of a service, and before it the one that measures bodies.

    Traefik can only measure a body by holding it, and the answer too, in memory. So it holds what does not say its
    length, or says a large one; everything else streams, and cannot send more than it said. TLS is the entry point's.
    """
    router = {"entryPoints": ["websecure"], "rule": rule, "priority": 2 * priority, "service": service}
    if not request_mib:
        return {name: router}
    digits = len(str(request_mib * 2**20)) - 1
    length, bodiless = "Content-Length", "(Method(`GET`) || Method(`HEAD`) || Method(`OPTIONS`))"
    measured = (
        f"({rule}) && !HeaderRegexp(`{length}`, `^[0-9]{{1,{digits}}}$`)"
        f" && !({bodiless} && !HeaderRegexp(`{length}`, `.`))"
    )
    return {
        f"{name}-measured": router | {"rule": measured, "priority": 2 * priority + 1, "middlewares": ["body@file"]},
        name: router,
    }


def server_labels(service: str, port: int, health_path: str) -> dict[str, str]:
    """Return the labels by which Traefik finds the containers of `service`.

    They never change between releases: two containers that disagree about them make Traefik drop the service.
    """
    balancer = f"traefik.http.services.{service}.loadbalancer"
    return {
        "traefik.enable": "true",
        f"{balancer}.server.port": str(port),
        f"{balancer}.healthcheck.path": health_path,
        f"{balancer}.healthcheck.interval": "500ms",
        f"{balancer}.healthcheck.timeout": "2s",
    }


def as_dynamic(value: Any) -> str:
    """Write a dynamic configuration: Traefik takes it for a template first."""
    return literally(as_yaml(value))


def as_yaml(value: Any) -> str:
    """Write a static configuration."""
    return yaml.safe_dump(value, sort_keys=False, width=1000)
