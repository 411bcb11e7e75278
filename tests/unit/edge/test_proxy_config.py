"""What Traefik and the allow-list in front of the Docker socket are told."""

import re
from typing import Any

import pytest
import yaml

from components.core.labels import ENGINE_SOCKET
from components.edge import routes, server_labels, traefik
from components.settings import ProxySettings

from ..planned import CONTAINER, application, as_it_comes, uploads


def static(*, direct: bool = False) -> Any:
    settings = ProxySettings(backend_port=8000 if direct else None)
    return yaml.safe_load(traefik.static("application-net", "slidegenie/prod", settings))


def edge(**settings: Any) -> Any:
    return yaml.safe_load(traefik.edge(ProxySettings(**settings)))


def allow_list() -> list[str]:
    lines = [line.strip() for line in routes.allow_list().splitlines()]
    return [line for line in lines if line.startswith(("acl ", "http-request ", "default_backend ", "use_backend "))]


def allowed(method: str, path: str) -> bool:
    """Decide as HAProxy would: the first rule whose conditions all hold."""
    patterns = {line.split()[1]: line.split()[3] for line in allow_list() if line.startswith("acl")}
    for line in allow_list():
        if match := re.fullmatch(r"http-request allow if \{ method ([A-Z ]+) \} (\w+)", line):
            if method in match[1].split() and re.search(patterns[match[2]], path):
                return True
        elif line.startswith("http-request deny"):
            return False
    return True


def test_the_allow_list_has_these_rules_and_no_other() -> None:
    assert allow_list() == [
        "acl ping    path_reg ^(/v[0-9.]+)?/_ping$",
        "acl read    path_reg ^(/v[0-9.]+)?/(version|info|events|containers/json)$",
        "acl inspect path_reg ^(/v[0-9.]+)?/containers/[0-9a-f]+/json$",
        "http-request allow if { method HEAD GET } ping",
        "http-request allow if { method GET } read",
        "http-request allow if { method GET } inspect",
        "http-request deny deny_status 403",
        "default_backend engine",
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/_ping"),
        ("GET", "/_ping"),
        ("GET", "/v1.24/version"),
        ("GET", "/v1.47/info"),
        ("GET", "/v1.47/events"),
        ("GET", "/v1.47/containers/json"),
        ("GET", "/containers/json"),
        ("GET", "/v1.47/containers/0123456789abcdef/json"),
    ],
)
def test_the_proxy_may_watch_containers(method: str, path: str) -> None:
    assert allowed(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1.47/containers/create"),
        ("POST", "/v1.47/containers/json"),
        ("DELETE", "/v1.47/containers/abc"),
        ("POST", "/v1.47/containers/abc/exec"),
        ("GET", "/v1.47/containers/abc/logs"),
        ("GET", "/v1.47/containers/abc/archive"),
        ("GET", "/v1.47/containers/abc/export"),
        ("GET", "/v1.47/containers/abc/json/../logs"),
        ("GET", "/v1.47/containers/abc%2Flogs/json"),
        ("GET", "/v1.47/images/json"),
        ("GET", "/v1.47/secrets"),
        ("GET", "/v1.47/volumes"),
        ("GET", "/evil/_ping/v1.47/containers/create"),
        ("POST", "/_ping"),
        ("HEAD", "/v1.47/containers/json"),
        ("PUT", "/v1.47/info"),
        ("GET", "/"),
    ],
)
def test_the_proxy_may_do_nothing_else(method: str, path: str) -> None:
    assert not allowed(method, path)


def test_the_allow_list_listens_where_the_proxy_asks() -> None:
    assert f"bind :{routes.SOCKET_PROXY_PORT}" in routes.allow_list()
    assert f"server engine unix@{ENGINE_SOCKET} check inter 2s" in routes.allow_list()
    assert static()["providers"]["docker"]["endpoint"] == "tcp://socket-proxy:2375"


def test_traefik_has_no_dashboard_and_asks_nobody_for_updates() -> None:
    told = static()

    assert told["api"] == {"dashboard": False, "insecure": False}
    assert told["global"] == {"checkNewVersion": False, "sendAnonymousUsage": False}
    assert "pilot" not in told
    assert "experimental" not in told


def test_traefik_takes_only_labelled_containers_of_its_own_stack() -> None:
    docker = static()["providers"]["docker"]

    assert docker["exposedByDefault"] is False
    assert docker["constraints"] == "Label(`io.slidegenie.stack`,`slidegenie/prod`)"
    assert docker["network"] == "application-net"


def test_traefik_notices_a_change_and_a_dead_server_soon() -> None:
    told = static()

    assert told["providers"]["providersThrottleDuration"] == "200ms"
    assert told["serversTransport"]["forwardingTimeouts"] == {
        "dialTimeout": "2s",
        "responseHeaderTimeout": "60s",
        "idleConnTimeout": "30s",
    }


def test_access_logs_hold_no_header_query_or_user() -> None:
    """They carry cookies and tokens."""
    assert static()["accessLog"] == {
        "format": "json",
        "fields": {
            "headers": {"defaultMode": "drop"},
            "queryParameters": {"defaultMode": "drop"},
            "names": {"ClientUsername": "drop"},
        },
    }


def test_ports_are_unprivileged_and_the_direct_one_is_there_on_request_only() -> None:
    def addresses(*, direct: bool) -> dict[str, str]:
        return {name: point["address"] for name, point in static(direct=direct)["entryPoints"].items()}

    common = {"web": ":8080", "websecure": ":8443", "internal": ":8082"}
    assert addresses(direct=False) == common
    assert addresses(direct=True) == {**common, "direct": ":8000"}


def test_health_and_metrics_are_not_on_a_published_port() -> None:
    told = static(direct=True)

    assert told["ping"] == {"entryPoint": "internal"}
    assert told["metrics"]["prometheus"]["entryPoint"] == "internal"
    published = application(proxy={"backendPort": 8000}).named("slidegenie-traefik-1").inputs["ports"]
    assert [port["internal"] for port in published] == [8080, 8443, 8000]


def test_http_only_redirects_and_not_for_who_asks_too_much() -> None:
    routers = edge(https_port=8443)["http"]["routers"]

    assert routers == {
        "to-https": {
            "entryPoints": ["web"],
            "rule": "PathPrefix(`/`)",
            "middlewares": ["rate", "at-once", "https"],
            "service": "noop@internal",
        }
    }
    assert edge(https_port=8443)["http"]["middlewares"]["https"] == {
        "redirectScheme": {"scheme": "https", "port": "8443", "permanent": True}
    }


def test_tls_is_modern() -> None:
    options = edge()["tls"]["options"]["default"]

    assert options["minVersion"] == "VersionTLS12"
    assert options["alpnProtocols"] == ["h2", "http/1.1"]
    for suite in options["cipherSuites"]:
        assert re.fullmatch(r"TLS_ECDHE_(ECDSA|RSA)_WITH_(AES_(128|256)_GCM|CHACHA20_POLY1305)_SHA(256|384)", suite)


def test_every_answer_over_tls_carries_the_security_headers() -> None:
    told = edge()
    headers = told["http"]["middlewares"]["headers"]["headers"]

    assert static()["entryPoints"]["websecure"]["http"]["middlewares"] == ["edge@file"]
    assert told["http"]["middlewares"]["edge"] == {
        "chain": {"middlewares": ["headers", "rate", "at-once", "compress", "retry"]}
    }
    assert headers["stsSeconds"] == 63072000
    assert headers["contentTypeNosniff"] is True
    assert headers["frameDeny"] is True
    assert headers["customResponseHeaders"] == {"Server": "", "X-Powered-By": ""}


def test_a_route_leads_to_the_containers_of_the_service() -> None:
    assert yaml.safe_load(routes.route("web", "Host(`x`)", priority=7, direct=False))["http"]["routers"] == {
        "web": {
            "entryPoints": ["websecure"],
            "rule": "Host(`x`)",
            "priority": 14,
            "service": "web@docker",
        }
    }


def test_labels_name_port_and_health_check() -> None:
    assert server_labels("web", 8000, "/health/live") == {
        "traefik.enable": "true",
        "traefik.http.services.web.loadbalancer.server.port": "8000",
        "traefik.http.services.web.loadbalancer.healthcheck.path": "/health/live",
        "traefik.http.services.web.loadbalancer.healthcheck.interval": "500ms",
        "traefik.http.services.web.loadbalancer.healthcheck.timeout": "2s",
    }


def test_the_local_certificate_is_the_default() -> None:
    plan = as_it_comes()
    files = uploads(plan.named("slidegenie-traefik-certificate", CONTAINER))

    assert files["certificate.pem"].startswith("-----BEGIN CERTIFICATE-----")
    assert files["key.pem"].startswith("-----BEGIN PRIVATE KEY-----")
    seeds = [r for r in plan.resources if r.name.startswith("slidegenie-traefik-certificate-")]
    assert {seed.protect for seed in seeds} == {True}, "who trusts the authority should not have to do it again"


def test_the_url_names_the_port_only_where_it_is_not_the_usual_one() -> None:
    def url(**proxy: object) -> Any:
        return application(proxy=proxy).named("slidegenie", "slidegenie:index:SlideGeniePlatform").outputs["url"]

    assert url(domain="slides.example.com") == "https://slides.example.com"
    assert url(httpsPort=8443) == "https://localhost:8443"
