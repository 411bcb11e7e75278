"""What the edge lets in, adds, and writes down."""

import socket
from typing import Any

import httpx
import pytest

from ...support.client import PRESENTATIONS, trusting, unverified
from ...support.workspace import docker
from .conftest import Edge, access_log

pytestmark = pytest.mark.engine

_MIB = 2**20
_JSON = {"Content-Type": "application/json"}


def test_every_answer_carries_the_security_headers(edge: Edge) -> None:
    with trusting(edge.stack.url) as client:
        headers = client.get(PRESENTATIONS).headers

    assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert headers["permissions-policy"] == "camera=(), geolocation=(), microphone=()"
    assert not {"server", "x-powered-by"} & set(headers)


def test_no_dashboard_and_no_api_of_traefik(edge: Edge) -> None:
    http, https, _ = edge.stack.ports
    with trusting(edge.stack.url) as client:
        found = {
            path: client.get(path).status_code for path in ("/dashboard/", "/api/rawdata", "/api/overview", "/ping")
        }

    assert set(found.values()) == {404}, found
    assert (
        httpx.get(f"http://localhost:{http}/api/rawdata").headers["location"]
        == f"https://localhost:{https}/api/rawdata"
    )


def sent_in_pieces(size: int) -> Any:
    return (b"a" * 65_536 for _ in range(size // 65_536))


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(edge: Edge) -> None:
    with trusting(edge.stack.url) as client:
        assert client.post(PRESENTATIONS, content=b"a" * (10 * _MIB + 1), headers=_JSON).status_code == 413
        assert client.post(PRESENTATIONS, content=sent_in_pieces(11 * _MIB), headers=_JSON).status_code == 413
        # The edge lets these through, and the application has its own opinion.
        assert client.post(PRESENTATIONS, content=sent_in_pieces(65_536), headers=_JSON).status_code == 422
        assert client.post(PRESENTATIONS, content=b"a" * 65_536, headers=_JSON).status_code == 422


def test_headers_that_are_too_long_are_refused(edge: Edge) -> None:
    with trusting(edge.stack.url) as client:
        assert client.get("/health/live", headers={"X-Long": "a" * 30_000}).status_code == 200
        assert client.get("/health/live", headers={"X-Long": "a" * 60_000}).status_code == 431


@pytest.mark.parametrize("path", ["/health%2Flive", "/health%5clive", "/health/live%00"])
def test_a_path_that_means_another_one_to_a_server_is_refused(edge: Edge, path: str) -> None:
    assert _answer(edge, path).split()[1] == b"400"


@pytest.mark.parametrize("path", ["/metrics%2f", "/%2e%2e%2fmetrics"])
def test_a_hidden_path_behind_an_encoded_slash_is_refused_or_not_there(edge: Edge, path: str) -> None:
    """Whichever Traefik looks at first: the route that hides it, or what it does not let through."""
    assert _answer(edge, path).split()[1] in (b"400", b"404")


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "//metrics",
        "/%6detrics",
        "/metrics;x",
        "/METRICS",
        "/metrics/deep",
        "/a/..;/metrics",
        "/health/../metrics",
        "/health/ready/",
        "/health//ready",
    ],
)
def test_a_hidden_path_reaches_the_application_in_no_spelling(edge: Edge, path: str) -> None:
    head, _, body = _answer(edge, path).partition(b"\r\n\r\n")

    assert head.split()[1] == b"404"
    assert body == b"404 page not found\n", "the edge's own words"
    assert b"application/problem+json" in _answer(edge, "/metricsx"), "the application's"


def _answer(edge: Edge, path: str) -> bytes:
    """Return the whole answer to a path that no client has put right before."""
    with (
        socket.create_connection(("127.0.0.1", edge.stack.ports[1])) as plain,
        unverified().wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: secure.recv(65_536), b""))


def test_a_large_answer_is_compressed(edge: Edge) -> None:
    with trusting(edge.stack.url) as client:
        answer = client.get("/api/v1/openapi.json", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"


def test_the_access_log_says_who_and_what_and_no_secret(edge: Edge) -> None:
    secret = "hunter2-in-the-log"
    with trusting(edge.stack.url) as client:
        client.get(
            f"/health/live?token={secret}",
            headers={
                "Authorization": f"Bearer {secret}",
                "Cookie": f"session={secret}",
                "Referer": f"https://a/?{secret}",
                "X-Forwarded-For": "203.0.113.9",
            },
        )
        client.get("/health/live", auth=(secret, secret))
    (traefik,) = edge.stack.containers("traefik")
    line = access_log(edge)[-2]

    assert line["RequestPath"] == "/health/live"
    assert line["ClientHost"] != "203.0.113.9", "anybody can say that of himself"
    assert secret not in docker("logs", traefik["Id"])
