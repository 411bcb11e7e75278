"""Which requests a rule of the edge lets through, in every spelling that a server may take for the same."""

import re
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from pytest_httpserver import HTTPServer

from components.edge.routes import check_path, rule
from slidegenie.engine import edge_check
from slidegenie.plan import Plan

_MATCHER = re.compile(r"(Host|Path|PathPrefix|PathRegexp)\(`([^`]+)`\)")


def leads(said: str, path: str) -> bool:
    """Decide as Traefik would: `path` has its slashes and dots cleaned and all but reserved characters decoded."""

    def found(matcher: re.Match[str]) -> str:
        name, value = matcher.groups()
        match name:
            case "Host":
                return "True"
            case "Path":
                return str(path == value)
            case "PathPrefix":
                return str(path.startswith(value))
            case _:
                return str(re.search(value, path) is not None)

    told = _MATCHER.sub(found, said).replace("&&", " and ").replace("||", " or ").replace("!", " not ")
    return bool(eval(told))  # noqa: S307 - words of the test's own


HIDDEN = rule("example.com", None, ["/metrics", "/health/ready"])


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "/metrics/deep/er",
        "//metrics",
        "/METRICS",
        "/Metrics/",
        "/metrics;x",
        "/metrics;x=1/deep",
        "/metrics%3Bx",
        "/;/metrics",
        "/;a=b/metrics",
        "/%2Fmetrics",
        "/%2fmetrics",
        "/metrics%2F",
        "/metrics%2Fdeep",
        "/a/..%2Fmetrics",
        "/a%2F..%2Fmetrics",
        "/.%2Fmetrics",
        "/a/..;/metrics",
        "/a/..;x/metrics",
        "/health/ready",
        "/health/ready/",
        "/health//ready",
        "/health%2Fready",
        "/health;x/ready",
        "/health/.%2Fready",
        "/health/a%2F../ready",
        "/HEALTH/ready",
    ],
)
def test_what_is_hidden_is_hidden_in_every_spelling(path: str) -> None:
    assert leads(HIDDEN, path) is False


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metricsx",
        "/metrics-of-sales",
        "/a/metrics",
        "/health",
        "/health/",
        "/health/live",
        "/health/readyness",
        "/ready",
        "/files/a%2Fb.txt",
        "/files/.hidden",
        "/files/..x",
        "/a;b=c/d",
    ],
)
def test_what_only_looks_like_it_is_led_on(path: str) -> None:
    assert leads(HIDDEN, path) is True


@pytest.mark.parametrize("hidden", ["/metrics", "/metrics/", "/svc/metrics"])
@pytest.mark.parametrize("prefix", ["/svc", "/svc/"])
def test_hidden_paths_are_below_the_path_of_the_service(prefix: str, hidden: str) -> None:
    said = rule("example.com", prefix, [hidden])

    assert [leads(said, path) for path in ("/svc", "/svc/", "/svc/a", "/svc/a/metrics")] == [True] * 4
    assert [leads(said, path) for path in ("/svc/metrics", "/svc/metrics/a", "/svc/Metrics", "/svc//metrics")] == [
        False
    ] * 4


def test_a_path_is_not_the_beginning_of_a_longer_word() -> None:
    said = rule("example.com", "/reports")

    assert {path: leads(said, path) for path in ("/reports", "/reports/", "/reports/1", "/reportsecret", "/")} == {
        "/reports": True,
        "/reports/": True,
        "/reports/1": True,
        "/reportsecret": False,
        "/": False,
    }


def test_a_dot_in_a_hidden_path_is_a_dot() -> None:
    said = rule("example.com", None, ["/a.b"])

    assert (leads(said, "/a.b"), leads(said, "/axb")) == (False, True)


@pytest.mark.parametrize("path", ["/reports", "/reports/", "/a.b/c_d", "/~me/@x"])
def test_a_path_has_one_spelling(path: str) -> None:
    check_path("reports", "path", path)


@pytest.mark.parametrize(
    "path", ["reports", "/", "//", "", "/a//b", "/a b", "/a%62", "/a;b", "/a?b", "/a`b", "/{{ x }}", "/a/../b", "/\n"]
)
def test_a_path_that_has_several_spellings_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path must start with a slash and name something, like /reports") as refused:
        check_path("reports", "path", path)

    assert str(refused.value).endswith(f"got {path!r}")


# ---------------------------------------------------------------------------- check
# `make up` ends when a request reaches the application, or says that none does.


NAME = "slides.example.com"


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(NAME).configure_cert(context)
    with HTTPServer(ssl_context=context) as made:
        yield made


@pytest.fixture
def edge(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """Put a server in the place of the edge; a test that stopped it left it to the next one."""
    if not server.is_running():
        server.start()
    server.clear()
    container: dict[str, Any] = {
        "Name": "/traefik",
        "Config": {"Labels": {"com.docker.compose.service": "traefik"}},
        "NetworkSettings": {
            "Ports": {"9000/tcp": None, "8443/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(server.port)}]}  # noqa: S104 - what the engine says
        },
    }
    monkeypatch.setattr(edge_check, "containers", lambda _label: [container])
    monkeypatch.setattr(edge_check, "_PAUSE_SECONDS", 0.01)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return server


def answers(edge: HTTPServer, *statuses: int) -> None:
    """Let it answer who asks by the platform's name with one status after the other, the last one for good."""
    *first, last = statuses
    for status in first:
        edge.expect_oneshot_request("/health/live", headers={"Host": NAME}).respond_with_data(status=status)
    edge.expect_request("/health/live", headers={"Host": NAME}).respond_with_data(status=last)


def plan(edge: HTTPServer) -> Plan:
    return Plan("slidegenie", "test", outputs={"platform": f"https://{NAME}:{edge.port}"})


def test_it_waits_until_the_edge_leads_somewhere_and_asks_by_the_platforms_name(
    edge: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(edge, 404, 503, 200)
    edge_check.wait_for_edge(plan(edge))
    assert len(edge.log) == 3
    edge.check()
    assert capsys.readouterr().err == ""


def test_an_answer_of_the_application_is_one_whatever_it_says(
    edge: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(edge, 403)
    edge_check.wait_for_edge(plan(edge))
    assert (len(edge.log), capsys.readouterr().err) == (1, "")


@pytest.mark.parametrize(("there", "said"), [(True, "answers 404"), (False, "does not answer")])
def test_it_gives_up_and_says_what_was_answered(
    edge: HTTPServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], there: bool, said: str
) -> None:
    monkeypatch.setattr(edge_check, "_PATIENCE_SECONDS", 0)
    answers(edge, 404)
    if not there:
        edge.stop()
    edge_check.wait_for_edge(plan(edge))
    assert f"the edge {said} at https://{NAME}:{edge.port}/health/live" in capsys.readouterr().err


def test_nobody_is_asked_about_an_engine_elsewhere_and_that_is_said(
    edge: HTTPServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://elsewhere")
    edge_check.wait_for_edge(plan(edge))
    assert edge.log == []
    assert "the edge on elsewhere was not asked from here" in capsys.readouterr().err
    assert edge_check.shown_certificate(plan(edge)) is None


def test_an_edge_that_publishes_nothing_was_not_seen_either(
    edge: HTTPServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(edge_check, "containers", lambda _label: [])
    edge_check.wait_for_edge(plan(edge))
    assert f"no edge that runs publishes port {edge.port}" in capsys.readouterr().err


def test_the_certificate_that_the_edge_shows_is_known_by_its_fingerprint(edge: HTTPServer) -> None:
    first = edge_check.shown_certificate(plan(edge))
    assert first is not None
    assert edge_check.shown_certificate(plan(edge)) == first
    edge.stop()
    assert edge_check.shown_certificate(plan(edge)) is None
