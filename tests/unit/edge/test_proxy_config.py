"""What Traefik and the allow-list in front of the Docker socket are told; hostile values break nothing in it."""

import json
import re
from typing import Any

import pytest
import yaml

from components.core.labels import ENGINE_SOCKET
from components.core.text import literally
from components.edge import routes, server_labels, traefik
from components.edge.routes import matcher
from components.monitoring import config as monitoring
from components.monitoring.args import Additions
from components.monitoring.runbook import LINK
from components.settings import MonitoringSettings, ProxySettings
from components.settings.sections.monitoring import Email
from scripts.markdown import table_row
from scripts.release_check import ROOT
from slidegenie.compose.yaml_text import compose_yaml
from slidegenie.plan.render import _label

from ...support.prometheus import rules, runbook_url
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


HOSTILE = ["a {{ b }}", "{{{", "{{- x -}}", "}}", "{{/*", "`id`", "'\"", "a: b #c", "${HOME} $1", "%(x)s %n", "é\\n"]


def rendered(template: str) -> str:
    """Do what Go's engine does with text, in which the one action writes two braces; any other is a mistake."""
    text = template.replace('{{"{{"}}', "\0")
    assert "{{" not in text, "an action that nobody wrote"
    return text.replace("\0", "{{")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_header_of_the_edge_is_no_template(value: str) -> None:
    told = yaml.safe_load(rendered(traefik.edge(ProxySettings(headers={"X-Note": value}))))

    assert told["http"]["middlewares"]["headers"]["headers"]["customResponseHeaders"]["X-Note"] == value


@pytest.mark.parametrize("value", HOSTILE)
def test_a_route_is_no_template(value: str) -> None:
    route = yaml.safe_load(rendered(routes.route("web", value, priority=1, direct=False)))
    forward = yaml.safe_load(rendered(routes.forward("web", 1, rule=value, priority=1, local=False)))

    assert [told["http"]["routers"]["web"]["rule"] for told in (route, forward)] == [value, value]


@pytest.mark.parametrize("value", HOSTILE)
def test_text_of_a_template_is_what_the_template_says(value: str) -> None:
    assert rendered(literally(value)) == value


def test_a_matcher_holds_any_text() -> None:
    assert matcher("Path", "/a") == "Path(`/a`)"
    assert matcher("Path", '/a`) || Host(`b"') == 'Path("/a`) || Host(`b\\"")'


@pytest.mark.parametrize("value", ['"', "'", "{{b}}", "$x", "${x}", "[[x]]", "\\", "|", "`", "é", "<b>"])
def test_a_link_to_the_runbook_breaks_neither_rules_nor_dashboards(value: str) -> None:
    # The settings refuse most of these already; what writes them does not rely on that.
    settings = MonitoringSettings().model_copy(
        update={"runbook_url": f"https://wiki.example.com/{value}/run?a=1&b=%20"}
    )
    prometheus = monitoring.prometheus(settings, [], [], "x/prod", app_port=8000, grafana_url="")
    boards = monitoring.dashboards(settings, Additions(), "prod", "slidegenie-prod")

    links = {runbook_url(rule, prometheus) for _, rule in rules() if "alert" in rule}
    for board in boards.values():
        links |= {link["url"] for panel in json.loads(board)["panels"] for link in panel.get("links", [])}
    assert len(links) > 20
    for link in links:
        assert link.startswith("https://wiki.example.com/%")
        assert "/run?a=1&b=%20#" in link
        assert not set(link) & set("\"'{}$[]\\|`<>")


def test_rules_and_dashboards_say_what_their_files_say() -> None:
    chosen = monitoring.rules(["postgres", "app"], Additions())
    boards = monitoring.dashboards(
        MonitoringSettings(runbook_url="http://x/monitoring/RUNBOOK.md"), Additions(), "prod", "slidegenie-prod"
    )

    for name in ("postgres.yml", "app.yml"):
        source = (ROOT / "monitoring" / "rules" / name).read_text(encoding="utf-8")
        assert chosen[name] == source
    for name, text in boards.items():
        source = (ROOT / "monitoring" / "dashboards" / name).read_text(encoding="utf-8")
        assert text == LINK.sub(r"http://x/monitoring/RUNBOOK.md#\1", source)


@pytest.mark.parametrize("value", [v for v in HOSTILE if "\n" not in v])
def test_receivers_of_alerts_are_no_templates(value: str) -> None:
    mail = Email.model_construct(to=value, sender=value, smarthost="smtp.example.com:587")
    settings = MonitoringSettings().model_copy(update={"email": mail, "slack_channel": f"#{value}"})

    people = yaml.safe_load(monitoring.alertmanager(settings, {}))["receivers"][0]

    assert rendered(people["email_configs"][0]["to"]) == value
    assert rendered(people["email_configs"][0]["from"]) == value
    assert rendered(people["slack_configs"][0]["channel"]) == settings.slack_channel


@pytest.mark.parametrize("value", HOSTILE)
def test_a_dollar_sign_is_doubled_for_compose_in_values_and_not_in_keys(value: str) -> None:
    told = yaml.safe_load(compose_yaml({"labels": {value: value}, "command": [value]}))

    assert told == {"labels": {value: value.replace("$", "$$")}, "command": [value.replace("$", "$$")]}


@pytest.mark.parametrize("key", ["1e3", "0o7", "y", "1_000"])
def test_a_key_that_looks_like_a_number_stays_text_for_compose(key: str) -> None:
    assert compose_yaml({key: "x"}) == f"'{key}': x\n"


def test_a_cell_of_a_table_holds_bars_and_lines() -> None:
    assert table_row("a|b", "c\nd", "") == "| a\\|b | c d |  |"


def test_a_label_of_the_diagram_holds_quotes_and_tags() -> None:
    assert _label('a"b<br/>#1') == "a#34;b#60;br/#62;#35;1"
    assert _label("app-1.2") == "app-1.2"


@pytest.mark.parametrize("password", ["a${HOME}b", "$__env{HOME}", "x$__file{/etc/passwd}"])
def test_a_password_that_grafana_would_replace_is_refused_without_being_shown(password: str) -> None:
    with pytest.raises(ValueError, match=r"^secrets\.grafanaPassword must be without \$\{\.\.\.\}") as refused:
        _platform(secrets={"grafanaPassword": password})

    assert password not in str(refused.value)


@pytest.mark.parametrize("password", ["a$b{c}", "$HOME$$", "{x}${}"])
def test_a_password_with_other_dollar_signs_is_taken(password: str) -> None:
    assert _platform(secrets={"grafanaPassword": password}).named("slidegenie-monitoring-grafana-1")


def _platform(**sections: Any) -> Any:
    from ..planned import application  # noqa: PLC0415 - the other tests of this file plan nothing

    return application(monitoring={"enabled": True}, **sections)
