"""Who gets traffic, and what the health pages say."""

import asyncio
import os
import time
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from app import monitor as monitor_module
from app.main import build_app
from app.model import Dependencies
from app.monitor import Monitor
from app.runtime import Runtime
from app.settings import Settings

from .conftest import Logged, Services

ANOTHER = os.getpid() + 1
"""Process ID of another worker than this one, which has the number 1 in a container."""


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "not within 30 s"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.main.INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(monitor_module, "SETTLING_PAUSE_SECONDS", 0.02)


def test_a_server_whose_dependencies_have_answered_is_live(client: TestClient) -> None:
    eventually(lambda: client.get("/health/live").status_code == 200)

    assert client.get("/health/live").json() == {"status": "live"}


def test_a_server_is_starting_until_everything_configured_has_answered_once(
    settings: Settings, services: Services, runtime: Runtime
) -> None:
    services.cache.away = services.objects.away = True
    with TestClient(build_app(settings, services.dependencies(), runtime)) as client:
        eventually(lambda: services.repository.calls.count("check") > 1)
        both = client.get("/health/live")
        services.objects.away = False
        eventually(lambda: client.get("/health/live").json()["waiting_for"] == ["redis"])
        services.cache.away = False
        eventually(lambda: client.get("/health/live").status_code == 200)

    assert both.status_code == 503
    assert both.json() == {"status": "starting", "waiting_for": ["redis", "s3"]}


def test_a_server_has_not_started_before_each_of_its_workers_has(
    client: TestClient, runtime: Runtime
) -> None:
    runtime.expect(workers=2)
    eventually(lambda: runtime.started)
    (runtime.directory / "started").unlink()

    assert client.get("/health/live").json() == {
        "status": "starting",
        "waiting_for": ["another worker"],
    }

    runtime.mark_ready(ANOTHER)
    eventually(lambda: client.get("/health/live").status_code == 200)


def test_a_worker_that_died_before_the_start_does_not_count(runtime: Runtime) -> None:
    runtime.expect(workers=2)
    runtime.mark_ready(ANOTHER)
    runtime.forget(ANOTHER)
    runtime.mark_ready(ANOTHER + 1)
    assert not runtime.started
    runtime.mark_ready(ANOTHER + 2)
    assert runtime.started


class Late:
    """Takes too long the first three times it is asked."""

    name = "late"

    def __init__(self) -> None:
        self.asked = 0

    async def check(self) -> None:
        self.asked += 1
        if self.asked < 4:
            await asyncio.Event().wait()

    async def close(self) -> None:
        pass


def test_a_worker_takes_nothing_before_its_first_good_check(
    settings: Settings,
    services: Services,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another worker has started long ago, so requests come in at once."""
    monkeypatch.setattr(monitor_module, "ANSWER_SECONDS", 0.1)
    runtime.mark_ready(ANOTHER)
    slow = Late()
    monkeypatch.setattr(services.repository, "check", slow.check)
    with TestClient(build_app(settings, services.dependencies(), runtime)) as client:
        assert client.get("/api/v1/presentations").status_code == 200
    assert slow.asked >= 4


def test_an_outage_after_the_start_leaves_the_server_live(
    client: TestClient, services: Services
) -> None:
    eventually(lambda: client.get("/health/live").status_code == 200)
    services.repository.away = services.cache.away = services.objects.away = True
    for _ in range(3):
        client.get("/health/ready")

    assert client.get("/health/live").status_code == 200


def test_a_worker_replaced_during_an_outage_is_live_as_its_server_was_and_says_what_is_away(
    settings: Settings, services: Services, runtime: Runtime
) -> None:
    runtime.mark_ready(ANOTHER)
    runtime.forget(ANOTHER)
    services.repository.away = True
    with TestClient(build_app(settings, services.dependencies(), runtime)) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/api/v1/presentations").status_code == 503


def test_a_draining_server_fails_its_checks_and_serves_on(
    client: TestClient, runtime: Runtime
) -> None:
    runtime.mark_draining()

    live = client.get("/health/live")
    ready = client.get("/health/ready")

    assert (live.status_code, live.json()) == (503, {"status": "draining"})
    assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
    assert client.get("/api/v1/presentations").status_code == 200


def test_ready_shows_each_dependency_with_its_latency(client: TestClient) -> None:
    answer = client.get("/health/ready")

    assert answer.status_code == 200
    body = answer.json()
    latencies = [dependency.pop("latency_ms") for dependency in body["dependencies"].values()]
    assert all(0 <= latency < 1000 for latency in latencies)
    assert body == {
        "status": "ready",
        "release": "1.2.3",
        "dependencies": {
            "postgresql": {"status": "up"},
            "redis": {"status": "up"},
            "s3": {"status": "up"},
        },
    }


def test_ready_says_what_is_wrong_with_one(client: TestClient, services: Services) -> None:
    services.objects.away = True

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    s3 = answer.json()["dependencies"]["s3"]
    del s3["latency_ms"]
    assert s3 == {"status": "down", "problem": "switched off"}
    assert answer.json()["dependencies"]["redis"]["status"] == "up"


def test_without_settings_the_server_is_live_but_not_ready(runtime: Runtime) -> None:
    with TestClient(build_app(Settings(), Dependencies(), runtime)) as client:
        live, ready = client.get("/health/live"), client.get("/health/ready")

    assert live.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["dependencies"]["postgresql"] == {
        "status": "not configured",
        "missing_settings": ["DATABASE_HOST"],
    }


class Hanging:
    """Never answers."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def check(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass


class Broken(Hanging):
    """Fails in a way nobody thought of."""

    async def check(self) -> None:
        raise ZeroDivisionError("oops")


def test_checks_run_at_once_and_end_at_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "ANSWER_SECONDS", 2.0)
    started = time.monotonic()

    results = asyncio.run(Monitor([Hanging("a"), Hanging("b")]).check_all())

    assert time.monotonic() - started < 3.9, "not one after the other"
    assert [result.problem for result in results.values()] == ["no answer within 2 s"] * 2


def test_an_unforeseen_failure_of_a_check_is_a_failed_check() -> None:
    results = asyncio.run(Monitor([Broken("a")]).check_all())

    assert results["a"].problem == "ZeroDivisionError: oops"


def test_stopping_closes_every_connection(
    settings: Settings, services: Services, runtime: Runtime
) -> None:
    with TestClient(build_app(settings, services.dependencies(), runtime)):
        pass

    assert [services.repository.closed, services.cache.closed, services.objects.closed] == [
        True
    ] * 3


def test_a_request_is_one_line_of_json_without_its_query(
    client: TestClient, logged: Logged
) -> None:
    client.get("/api/v1/presentations?limit=3&token=secret", headers={"X-Request-ID": "trace-0001"})

    [line] = [line for line in logged() if line["message"] == "request"]
    assert "secret" not in str(line)
    assert line["path"] == line["route"] == "/api/v1/presentations"
    assert (line["method"], line["status"]) == ("GET", 200)
    assert (line["request_id"], line["release"]) == ("trace-0001", "1.2.3")


@pytest.mark.parametrize("given", ["short", "x" * 65, "new\\nline000", 'quo"te0000'])
def test_a_request_id_that_could_garble_a_log_is_replaced(client: TestClient, given: str) -> None:
    answer = client.get("/", headers={"X-Request-ID": given})

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


def test_health_checks_are_not_logged(client: TestClient, logged: Logged) -> None:
    client.get("/health/live")
    client.get("/metrics")

    assert [line for line in logged() if line["message"] == "request"] == []
