"""A rollout that workflows begin: when it goes back by itself, and when that would abandon a good release."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from pytest_httpserver import HTTPServer

from slidegenie.__main__ import main
from slidegenie.ci import smoke
from slidegenie.commands import ci, releases, stack
from slidegenie.console import Problem
from slidegenie.rollout.rollout import RolloutFailed

from ..plans import FakeRunner, in_a_program

_FAILED = RolloutFailed("the rollout failed:\n  app is not healthy")


@pytest.fixture
def did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what was done; each rollout that begins makes new replicas."""
    in_a_program(tmp_path, monkeypatch)
    done: list[str] = []
    runner = FakeRunner()
    runner.exported = {"api": "https://shop.example/api"}
    runner.take(monkeypatch)

    def up(_stack: str | None, _engine: object, *, plan: Path | None) -> None:
        done.append(f"up by {plan}" if plan else "up")

    monkeypatch.setattr(stack, "up", up)
    monkeypatch.setattr(releases, "rollback", lambda *_: done.append("rollback"))
    monkeypatch.setattr(ci, "_replicas", lambda _plan: {f"replicas after {done.count('up')}"})
    monkeypatch.setattr(ci, "check_answers", lambda urls, _authority: done.append(f"asked {urls}"))
    return done


def refuse(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, error: Problem, *, did: list[str]) -> None:
    def refused(*_: Any, **__: Any) -> None:
        did.append(name)
        raise error

    monkeypatch.setattr(module, name, refused)


def test_a_rollout_that_answers_stays(did: list[str]) -> None:
    assert main(["ci", "up", "--stack", "prod"]) == 0
    assert did == ["up", "asked ['https://shop.example/api']"]


def test_what_must_answer_and_the_plan_can_be_said(did: list[str]) -> None:
    assert main(["ci", "up", "--stack", "prod", "--plan", "plan.json", "--url", "https://a", "--url", "https://b"]) == 0
    assert did == ["up by plan.json", "asked ['https://a', 'https://b']"]


def test_one_that_does_not_answer_goes_back_and_fails(
    did: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(monkeypatch, ci, "check_answers", Problem("smoke check: https://shop.example answers 502"), did=did)
    assert main(["ci", "up", "--stack", "prod"]) == 1
    assert did == ["up", "check_answers", "rollback"]
    assert capsys.readouterr().err.splitlines() == [
        "==> smoke check: https://shop.example answers 502",
        "==> stack prod serves the release of before; this one failed, as said above",
    ]


def test_one_that_did_not_come_up_goes_back_to_what_serves(did: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, stack, "up", _FAILED, did=did)
    assert main(["ci", "up", "--stack", "prod"]) == 1
    assert did == ["up", "rollback"]


def test_one_that_was_refused_before_it_began_abandons_no_release(
    did: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ci, "_replicas", lambda _plan: {"the same"})
    refuse(monkeypatch, stack, "up", Problem("stack prod breaks the container policy"), did=did)
    assert main(["ci", "up", "--stack", "prod"]) == 1
    assert did == ["up"]
    assert capsys.readouterr().err == "==> stack prod breaks the container policy\n"


def test_a_platform_that_did_not_answer_before_either_abandons_no_release(
    did: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that has expired is no fault of a release that was not rolled out."""
    monkeypatch.setattr(ci, "_replicas", lambda _plan: {"the same"})
    refuse(monkeypatch, ci, "check_answers", Problem("smoke check: https://shop.example does not answer"), did=did)
    assert main(["ci", "up", "--stack", "prod"]) == 1
    assert did == ["up", "check_answers"]


# ---------------------------------------------------------------------------- smoke check


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def site(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    import ssl  # noqa: PLC0415

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    monkeypatch.setattr(smoke, "_PAUSE_SECONDS", 0)
    with HTTPServer(host="localhost", ssl_context=context) as server:
        yield server


def test_an_answer_counts_where_the_stacks_own_authority_vouches_for_it(
    site: HTTPServer, authority: trustme.CA
) -> None:
    site.expect_request("/api").respond_with_data("fine")
    pem = authority.cert_pem.bytes().decode()
    smoke.check_answers([site.url_for("/api")], pem, patience_seconds=0)
    with pytest.raises(Problem, match=r"^smoke check: https://localhost:\d+/api does not answer: .*CERTIFICATE_VERIFY"):
        smoke.check_answers([site.url_for("/api")], None, patience_seconds=0)


def test_an_edge_that_is_not_there_yet_is_waited_for_and_a_fault_is_named(
    site: HTTPServer, authority: trustme.CA
) -> None:
    pem = authority.cert_pem.bytes().decode()
    site.expect_ordered_request("/api").respond_with_data("not yet", status=502)
    site.expect_ordered_request("/api").respond_with_data("fine")
    smoke.check_answers([site.url_for("/api")], pem)
    with pytest.raises(Problem, match=r"/api answers 500$"):
        smoke.check_answers([site.url_for("/api")], pem, patience_seconds=0)
