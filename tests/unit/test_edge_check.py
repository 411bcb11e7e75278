"""`make up` ends when a request reaches the application, or says that none does."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slidegenie.engine import edge_check
from slidegenie.plan import Plan

from ..support.pem import own

NAME = "slides.example.com"


class Edge(http.server.ThreadingHTTPServer):
    """Answers with one status after the other, the last one for good."""

    def __init__(self, pem: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.answers: list[int] = []
        self.asked: list[tuple[str, str | None]] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.socket = context.wrap_socket(self.socket, server_side=True)


class Answers(http.server.BaseHTTPRequestHandler):
    """One answer."""

    server: Edge

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Host"]))
        answers = self.server.answers
        self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    pem = tmp_path / "edge.pem"
    pem.write_text("".join(own(NAME)))
    server = Edge(pem)
    container: dict[str, Any] = {
        "Name": "/traefik",
        "Config": {"Labels": {"com.docker.compose.service": "traefik"}},
        "NetworkSettings": {
            "Ports": {"9000/tcp": None, "8443/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(server.server_port)}]}  # noqa: S104 - what the engine says
        },
    }
    monkeypatch.setattr(edge_check, "containers", lambda _label: [container])
    monkeypatch.setattr(edge_check, "_PAUSE_SECONDS", 0.01)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def plan(edge: Edge) -> Plan:
    return Plan("slidegenie", "test", outputs={"platform": f"https://{NAME}:{edge.server_port}"})


def test_it_waits_until_the_edge_leads_somewhere_and_asks_by_the_platforms_name(
    edge: Edge, capsys: pytest.CaptureFixture[str]
) -> None:
    edge.answers = [404, 503, 200]
    edge_check.wait_for_edge(plan(edge))
    assert edge.asked == [("/health/live", NAME)] * 3
    assert capsys.readouterr().err == ""


def test_an_answer_of_the_application_is_one_whatever_it_says(edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    edge.answers = [403]
    edge_check.wait_for_edge(plan(edge))
    assert (len(edge.asked), capsys.readouterr().err) == (1, "")


@pytest.mark.parametrize(("answers", "said"), [([404], "answers 404"), ([], "does not answer")])
def test_it_gives_up_and_says_what_was_answered(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answers: list[int], said: str
) -> None:
    monkeypatch.setattr(edge_check, "_PATIENCE_SECONDS", 0)
    monkeypatch.setattr(edge, "handle_error", lambda *_: None)
    edge.answers = answers
    edge_check.wait_for_edge(plan(edge))
    assert f"the edge {said} at https://{NAME}:{edge.server_port}/health/live" in capsys.readouterr().err


def test_nobody_is_asked_about_an_engine_elsewhere_and_that_is_said(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://elsewhere")
    edge.answers = [404]
    edge_check.wait_for_edge(plan(edge))
    assert edge.asked == []
    assert "the edge on elsewhere was not asked from here" in capsys.readouterr().err
    assert edge_check.shown_certificate(plan(edge)) is None


def test_an_edge_that_publishes_nothing_was_not_seen_either(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(edge_check, "containers", lambda _label: [])
    edge_check.wait_for_edge(plan(edge))
    assert f"no edge that runs publishes port {edge.server_port}" in capsys.readouterr().err


def test_the_certificate_that_the_edge_shows_is_known_by_its_fingerprint(edge: Edge) -> None:
    first = edge_check.shown_certificate(plan(edge))
    assert first is not None
    assert edge_check.shown_certificate(plan(edge)) == first
    edge.server_close()
    assert edge_check.shown_certificate(plan(edge)) is None
