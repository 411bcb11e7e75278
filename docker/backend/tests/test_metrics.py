"""What Prometheus reads, from one worker and from several."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from .conftest import OUTLINE, Services

URL = "/api/v1/presentations"
ROUTE = f"{URL}/{{presentation_id}}"


def samples(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


def increase(
    client: TestClient,
    before: dict[tuple[str, frozenset[tuple[str, str]]], float],
    name: str,
    **labels: str,
) -> float:
    key = (name, frozenset(labels.items()))
    return samples(client).get(key, 0) - before.get(key, 0)


def test_requests_are_counted_under_their_template(client: TestClient) -> None:
    before = samples(client)
    identifier = client.post(URL, json=OUTLINE).json()["id"]
    client.get(f"{URL}/{identifier}")

    labels = {"method": "GET", "route": ROUTE}
    assert increase(client, before, "http_requests_total", status="200", **labels) == 1
    assert increase(client, before, "http_request_duration_seconds_count", **labels) == 1
    assert identifier not in client.get("/metrics").text


def test_paths_and_methods_of_a_callers_making_share_one_label(client: TestClient) -> None:
    before = samples(client)
    client.get("/no/such/path")
    client.get("/wp-login.php")
    client.request("BREW", "/coffee")

    def unmatched(method: str) -> float:
        return increase(
            client, before, "http_requests_total", method=method, route="unmatched", status="404"
        )

    assert (unmatched("GET"), unmatched("OTHER")) == (2, 1)
    assert "wp-login" not in client.get("/metrics").text
    assert "BREW" not in client.get("/metrics").text


def test_the_request_that_asks_is_the_only_one_in_flight(client: TestClient) -> None:
    assert samples(client)["http_requests_in_flight", frozenset()] == 1


def test_business_is_counted(client: TestClient) -> None:
    before = samples(client)
    created = client.post(URL, json=OUTLINE).json()
    client.get(created["download_url"])
    client.delete(f"{URL}/{created['id']}")

    assert increase(client, before, "slidegenie_presentations_created_total") == 1
    assert increase(client, before, "slidegenie_slides_created_total") == 3
    assert increase(client, before, "slidegenie_stored_bytes_total") == created["size_bytes"]
    assert increase(client, before, "slidegenie_generation_duration_seconds_count") == 1
    assert increase(client, before, "slidegenie_downloads_total") == 1
    assert increase(client, before, "slidegenie_presentations_deleted_total") == 1


def test_every_known_failure_is_shown_before_the_first(client: TestClient) -> None:
    shown = {
        (labels["operation"], labels["reason"])
        for (name, pairs) in samples(client)
        if name == "slidegenie_failures_total" and (labels := dict(pairs))
    }

    endpoints = {operation for operation, reason in shown if reason == "invalid"}
    assert endpoints == {
        "create_presentation",
        "list_presentations",
        "get_presentation",
        "download_presentation",
        "delete_presentation",
    }
    for endpoint in endpoints:
        bounds = {"busy", "over_quota"} if endpoint == "create_presentation" else set()
        assert {reason for operation, reason in shown if operation == endpoint} == bounds | {
            "unauthorized",
            "access",
            "invalid",
            "too_large",
            "internal",
            "postgresql",
            "redis",
            "s3",
        }
    assert {pair for pair in shown if pair[0] not in endpoints} == {
        ("none", "too_large"),
        ("none", "internal"),
        ("housekeeping", "internal"),
        ("fill_cache", "redis"),
    }


def test_a_worker_begins_its_failures_at_0(tmp_path: Path) -> None:
    program = "from app import metrics; metrics.show_failures(['make'])"
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", f"{program}; print(metrics.exposition()[0].decode())"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert 'slidegenie_failures_total{operation="make",reason="s3"} 0.0' in told.splitlines()


def test_failures_are_counted_by_what_and_why(client: TestClient, services: Services) -> None:
    before = samples(client)
    client.post(URL, json={})
    services.objects.failing = {"put"}
    client.post(URL, json=OUTLINE)
    client.post(URL, content=b"x" * 2_000_000)

    def failures(operation: str, reason: str) -> float:
        return increase(
            client, before, "slidegenie_failures_total", operation=operation, reason=reason
        )

    assert failures("create_presentation", "invalid") == 1
    assert failures("create_presentation", "s3") == 1
    assert failures("none", "too_large") == 1
    assert increase(client, before, "slidegenie_presentations_created_total") == 0


def test_a_broken_download_is_a_failure_and_no_download(
    client: TestClient, services: Services
) -> None:
    created = client.post(URL, json=OUTLINE).json()
    before = samples(client)
    services.objects.failing = {"read on"}
    client.get(created["download_url"])

    labels = {"operation": "download_presentation", "reason": "s3"}
    assert increase(client, before, "slidegenie_failures_total", **labels) == 1
    assert increase(client, before, "slidegenie_downloads_total") == 0


def test_dependencies_and_release_are_gauges(client: TestClient, services: Services) -> None:
    services.cache.away = True
    client.get("/health/ready")
    now = samples(client)

    def up(name: str) -> float:
        return now["slidegenie_dependency_up", frozenset({("dependency", name)})]

    assert (up("postgresql"), up("redis"), up("s3")) == (1, 0, 1)
    assert now["slidegenie_build_info", frozenset({("release", "1.2.3")})] == 1


def test_one_worker_tells_the_numbers_of_all(tmp_path: Path) -> None:
    program = (
        "from app import metrics; metrics.PRESENTATIONS_CREATED.inc(); metrics.IN_FLIGHT.inc()"
    )
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)

    told = subprocess.run(
        [sys.executable, "-c", "from app import metrics; print(metrics.exposition()[0].decode())"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert "slidegenie_presentations_created_total 2.0" in told.splitlines()
    assert "http_requests_in_flight 2.0" in told.splitlines()
