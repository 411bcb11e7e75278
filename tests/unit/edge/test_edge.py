"""What Traefik is told about certificates, limits and clients."""

import re
import subprocess
from typing import Any

import pulumi
import pytest
import yaml

from components import Foundation, FoundationArgs, Proxy, ProxyArgs
from components.containers import volumes
from components.containers.found import FoundContainer
from components.containers.foundation import Zone
from components.containers.rollout import StackRollout
from components.core.engine import DockerEngine
from components.edge import routes, traefik
from components.settings import EngineSettings, ProxySettings
from scripts.segmentation_manual import FLOWS, GOES_OUT, MEMBERS, has_way_out
from slidegenie.plan import Plan

from ...support.pem import root
from ..planned import NETWORK, labels, platform, recorded, service, workloads

_TRUSTED = ("10.0.0.0/24",)


def proxy(**settings: Any) -> ProxySettings:
    return ProxySettings.model_validate(settings, by_alias=True, by_name=True)


def static(**settings: Any) -> Any:
    return yaml.safe_load(traefik.static("net", "slidegenie/prod", proxy(**settings)))


def edge(**settings: Any) -> Any:
    return yaml.safe_load(traefik.edge(proxy(**settings)))


def acme(**settings: Any) -> Any:
    told = static(tls="acme", domain="slides.example.com", acme=settings)
    return told["certificatesResolvers"]["acme"]["acme"]


def test_without_an_authority_nobody_is_asked_for_certificates() -> None:
    assert "certificatesResolvers" not in static()
    assert static()["entryPoints"]["websecure"]["http"]["tls"] == {}


def test_the_entry_point_asks_the_authority_for_the_domain() -> None:
    assert static(tls="acme", domain="slides.example.com")["entryPoints"]["websecure"]["http"]["tls"] == {
        "certResolver": "acme",
        "domains": [{"main": "slides.example.com"}],
    }


def test_lets_encrypt_is_asked_over_http_by_default() -> None:
    assert acme(email="ops@example.com") == {
        "caServer": "https://acme-v02.api.letsencrypt.org/directory",
        "storage": "/certificates/acme.json",
        "keyType": "EC256",
        "certificatesDuration": 2160,
        "email": "ops@example.com",
        "httpChallenge": {"entryPoint": "web", "delay": "10s"},
    }


def test_one_word_switches_to_staging() -> None:
    assert acme(authority="letsencrypt-staging")["caServer"] == (
        "https://acme-staging-v02.api.letsencrypt.org/directory"
    )


def test_an_authority_of_ones_own_is_trusted_by_its_own_certificates() -> None:
    told = acme(directoryUrl="https://ca.example.com/dir", directoryCa=root())

    assert told["caServer"] == "https://ca.example.com/dir"
    assert told["caCertificates"] == ["/etc/traefik/acme-directory.pem"]


def test_tls_alpn_needs_its_protocol_among_those_offered() -> None:
    assert acme(challenge="tls-alpn")["tlsChallenge"] == {"delay": "10s"}
    offered = edge(tls="acme", domain="slides.example.com")["tls"]["options"]["default"]["alpnProtocols"]
    assert offered == ["h2", "http/1.1", "acme-tls/1"]


def test_the_dns_provider_is_named_and_its_record_waited_for() -> None:
    dns = {"provider": "rfc2136", "resolvers": ["192.0.2.1:53"]}

    assert acme(challenge="dns", dns=dns)["dnsChallenge"] == dns
    assert acme(challenge="dns", dns={"provider": "x", "waitSeconds": 5})["dnsChallenge"] == {
        "provider": "x",
        "propagation": {"disableChecks": True, "delayBeforeChecks": "5s"},
    }


def test_timeouts_are_those_of_both_published_entry_points() -> None:
    points = static(timeouts={"readSeconds": 1, "writeSeconds": 2, "idleSeconds": 3, "answerSeconds": 4})
    expected = {"readTimeout": "1s", "writeTimeout": "2s", "idleTimeout": "3s"}

    for name in ("web", "websecure"):
        assert points["entryPoints"][name]["transport"]["respondingTimeouts"] == expected
    assert points["serversTransport"]["forwardingTimeouts"]["responseHeaderTimeout"] == "4s"


def test_headers_that_mean_another_one_to_a_server_are_dropped_and_long_ones_refused() -> None:
    for name in ("web", "websecure"):
        http = static(headerKib=8)["entryPoints"][name]["http"]
        assert http["underscoreHeadersStrategy"] == "delete"
        assert http["maxHeaderBytes"] == 8192


@pytest.mark.parametrize(("setting", "passes"), [("refuse", False), ("pass", True)])
def test_encoded_slashes_pass_on_request_only(setting: str, *, passes: bool) -> None:
    assert static(encodedSlashes=setting)["entryPoints"]["websecure"]["http"]["encodedCharacters"] == {
        "allowEncodedSlash": passes,
        "allowEncodedBackSlash": False,
        "allowEncodedNullCharacter": False,
    }


def test_clients_are_told_apart_by_their_connection_unless_said_otherwise() -> None:
    assert not {"forwardedHeaders", "proxyProtocol"} & set(static()["entryPoints"]["websecure"])
    limits = edge(rateLimit={"requestsPerSecond": 5, "burst": 7, "requestsAtOnce": 9})["http"]["middlewares"]
    source = {"ipStrategy": {"ipv6Subnet": 64}}
    assert limits["rate"] == {"rateLimit": {"average": 5, "burst": 7, "sourceCriterion": source}}
    assert limits["at-once"] == {"inFlightReq": {"amount": 9, "sourceCriterion": source}}


def test_behind_a_load_balancer_its_own_address_is_skipped() -> None:
    told = {"clientAddress": "forwardedFor", "trustedProxies": _TRUSTED}

    assert static(**told)["entryPoints"]["websecure"]["forwardedHeaders"] == {"trustedIPs": list(_TRUSTED)}
    assert edge(**told)["http"]["middlewares"]["rate"]["rateLimit"]["sourceCriterion"] == {
        "ipStrategy": {"excludedIPs": list(_TRUSTED)}
    }


def test_the_proxy_protocol_is_taken_from_those_who_are_trusted_only() -> None:
    point = static(clientAddress="proxyProtocol", trustedProxies=_TRUSTED)["entryPoints"]["websecure"]

    assert point["proxyProtocol"] == {"trustedIPs": list(_TRUSTED)}


def test_limits_can_be_turned_off() -> None:
    told = edge(rateLimit={"requestsPerSecond": 0, "requestsAtOnce": 0}, requestMib=0, hstsSeconds=0)
    middlewares = told["http"]["middlewares"]

    assert middlewares["edge"] == {"chain": {"middlewares": ["headers", "compress", "retry"]}}
    assert not {"rate", "at-once", "body"} & set(middlewares)
    assert "stsSeconds" not in middlewares["headers"]["headers"]


def test_a_header_can_be_added_and_one_taken_out() -> None:
    told = edge(headers={"Content-Security-Policy": "default-src 'self'", "X-Frame-Options": ""})

    assert told["http"]["middlewares"]["headers"]["headers"]["customResponseHeaders"] == {
        "Server": "",
        "X-Powered-By": "",
        "Content-Security-Policy": "default-src 'self'",
        "X-Frame-Options": "",
    }


@pytest.mark.parametrize(
    ("method", "length", "measured"),
    [
        ("GET", None, False),
        ("GET", "0", False),
        ("POST", "0", False),
        ("POST", "9999999", False),
        ("POST", "10485760", True),
        ("POST", "99999999999", True),
        ("GET", "10485761", True),
        ("POST", None, True),
        ("DELETE", None, True),
        ("POST", "-1", True),
        ("POST", "1e3", True),
    ],
)
def test_only_what_does_not_say_a_small_length_is_measured(method: str, length: str | None, *, measured: bool) -> None:
    """The rule is decided here as Traefik would: its matchers replaced by what they find."""
    routers = yaml.safe_load(routes.route("web", "Host(`x`)", priority=1, direct=False, request_mib=10))["http"]
    rule = routers["routers"]["web-measured"]["rule"].replace("Host(`x`)", "True")
    rule = re.sub(r"Method\(`(\w+)`\)", lambda found: str(found[1] == method), rule)
    rule = re.sub(
        r"HeaderRegexp\(`Content-Length`, `([^`]+)`\)",
        lambda found: str(length is not None and re.search(found[1], length) is not None),
        rule,
    )
    told = rule.replace("&&", " and ").replace("||", " or ").replace("!", " not ")

    assert eval(told) is measured  # noqa: S307 - words of the test's own


def test_the_measuring_router_goes_before_its_service_and_after_a_longer_path() -> None:
    short = yaml.safe_load(routes.route("a", "Host(`x`)", priority=3, direct=False, request_mib=1))["http"]["routers"]
    longer = yaml.safe_load(routes.route("b", "Host(`x`)", priority=4, direct=False, request_mib=1))["http"]["routers"]

    assert (short["a"]["priority"], short["a-measured"]["priority"], longer["b"]["priority"]) == (6, 7, 8)
    assert short["a-measured"]["middlewares"] == ["body@file"]
    assert edge(requestMib=1)["http"]["middlewares"]["body"] == {
        "buffering": {"maxRequestBodyBytes": 2**20, "memRequestBodyBytes": 2**20}
    }


def test_bodies_are_held_in_memory_that_has_room_for_four() -> None:
    assert proxy(requestMib=10).spool_mib == 40
    assert proxy(requestMib=1).spool_mib == 16


# ---------------------------------------------------------------------------- segmentation
# The table of who may talk to whom is what every stack is made of, and nobody is on a network without a reason.


def joined(plan: Plan) -> dict[str, set[str]]:
    zones = {network.outputs["name"]: labels(network)["io.slidegenie.zone"] for network in plan.of_type(NETWORK)}
    return {
        service(container): {zones[network["name"]] for network in container.inputs.get("networksAdvanced", [])}
        for container in workloads(plan)
    }


def needed(service: str) -> frozenset[Zone]:
    """Return the networks that the flows of `service` need; the edge is there for clients outside."""
    zones = {flow.zone for flow in FLOWS if service in (flow.source, flow.target)}
    return frozenset(zones | ({Zone.EDGE} if service == "traefik" else set()))


def test_every_stack_is_made_as_the_table_says(plan: Plan) -> None:
    table = {name: {zone.value for zone in zones} for name, zones in MEMBERS.items()}

    assert joined(plan) == {name: table[name] for name in joined(plan)}


def test_who_has_to_reach_something_outside_joins_the_network_that_leads_there() -> None:
    plan = platform(
        postgres={"external": {"host": "db.example.com"}},
        backup={"enabled": True, "repository": "s3:https://s3.example.com/backups"},
        secrets={
            "alertWebhookUrl": "https://pager.example.com",
            "postgresPassword": "given",
            "backupCredentials": {"AWS_ACCESS_KEY_ID": "given"},
        },
    )

    assert {name: joined(plan)[name] for name in GOES_OUT} == {
        name: {zone.value for zone in MEMBERS[name]} | {"application"} for name in GOES_OUT
    }


@pytest.mark.parametrize("name", MEMBERS)
def test_nobody_is_on_a_network_that_no_flow_needs(name: str) -> None:
    assert MEMBERS[name] == needed(name)


def test_a_flow_is_between_two_that_share_its_network() -> None:
    for flow in FLOWS:
        assert flow.zone in MEMBERS[flow.source] & MEMBERS[flow.target], flow


def test_data_stores_and_monitoring_have_no_way_out() -> None:
    assert {name for name in MEMBERS if has_way_out(name)} == {"traefik", "app"}


def found(name: str) -> FoundContainer:
    return FoundContainer(
        {
            "Name": f"/{name}-1a2b3c4",
            "Image": "sha256:5eed",
            "Mounts": [{"Name": "shop-dev-routes", "Destination": "/volume"}],
        }
    )


def test_the_route_of_a_service_that_went_is_removed_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    tidy: list[Any] = []
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(StackRollout, "at_the_end", lambda _self, callback: tidy.append(callback))

    def docker(_engine: DockerEngine, *args: str) -> subprocess.CompletedProcess[str]:
        ran.append(args)
        return subprocess.CompletedProcess(args, 0, "", "")

    monkeypatch.setattr(volumes, "docker_command", docker)

    def program() -> None:
        foundation = Foundation("base", FoundationArgs())
        edge = Proxy("edge", ProxyArgs(foundation=foundation, engine=EngineSettings(socket_group=999)))
        edge.route("app", parent=pulumi.ComponentResource("t", "app"))

    recorded(program)
    there = [found(name) for name in ("edge-route-app", "edge-route-reports", "edge-1", "other-route-reports")]
    for one in tidy:
        one(DockerEngine(), there)

    [command] = ran
    assert command[-4:] == ("sha256:5eed", "rm", "-f", "/volume/route-reports.yml")
    assert "--mount=type=volume,src=shop-dev-routes,dst=/volume" in command
    assert {"--network=none", "--read-only", "--cap-drop=ALL"} <= set(command)
