"""Ports, routes and labels in the language of Traefik, and the allow-list in front of the Docker socket."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..core.assets import asset
from ..core.text import literally

_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,=:@-]+)+/?")
"""What a path may say: characters that are the same in every spelling, and no parameters."""
_SLASH = "(?:/|%2f)"
_PARAMETERS = "(?:(?:;|%3b)[^/]*)?"
_BETWEEN = f"(?:{_PARAMETERS}{_SLASH})+"
"""Between two segments: some servers drop parameters (`;x`), take several slashes for one, or `%2F` for a slash."""
_END = "(?:/|;|%2f|%3b|$)"
_DISGUISED = f"(?i){_SLASH}[.]{{1,2}}{_END}"
"""A way up that Traefik left alone, as its slash is written `%2F` or parameters follow; some servers go that way."""


def check_path(who: str, what: str, path: str) -> None:
    """Refuse a `path` that is not the only spelling of itself."""
    segments = path.strip("/").split("/")
    if not _PATH.fullmatch(path) or {".", ".."} & set(segments):
        raise ValueError(
            f"{who}: {what} must start with a slash and name something, like /reports, in letters, digits and"
            f" ._~!$&'()*+,=:@-; got {path!r}"
        )


def rule(domain: str, path: str | None = None, hidden: Sequence[str] = ()) -> str:
    """Return the rule for what is at or below `path` under `domain`, without what is at or below each `hidden` path.

    `hidden` paths are below `path`, whether they begin with it or not. They are hidden in every spelling that a server
    may take for the same: upper case, further slashes, parameters, encoded characters.
    """
    parts = [matcher("Host", domain)]
    below = (path or "").rstrip("/")
    if below:
        parts.append(f"({matcher('Path', below)} || {matcher('PathPrefix', below + '/')})")
    if hidden:
        parts.append(f"!{matcher('PathRegexp', _DISGUISED)}")
    for name in hidden:
        parts.append(f"!{matcher('PathRegexp', _at_or_below(below + '/' + name.strip('/')))}")
        if below and name.startswith(f"{below}/"):
            parts.append(f"!{matcher('PathRegexp', _at_or_below(name))}")
    return " && ".join(parts)


def _at_or_below(path: str) -> str:
    segments = (re.escape(segment) for segment in path.strip("/").split("/"))
    return "(?i)^" + "".join(f"{_BETWEEN}{segment}" for segment in segments) + _PARAMETERS + _END


def matcher(name: str, *values: str) -> str:
    """Return the matcher `name` of `values`, whatever characters they have."""
    # Literals of Go: what a JSON text escapes, one in double quotes does too.
    literals = (json.dumps(value, ensure_ascii=False) if "`" in value else f"`{value}`" for value in values)
    return f"{name}({','.join(literals)})"


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
