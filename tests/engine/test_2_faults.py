"""What breaks at night: killed processes and stopped data stores. The platform comes back by itself, whole."""

import os

import httpx
import pytest

from ..support.client import PRESENTATIONS, example, make, titles_in_download, trusting
from ..support.faults import RECOVERY_SECONDS, kill_main_process
from ..support.waiting import until
from ..support.workspace import Workspace, docker

pytestmark = pytest.mark.engine


def _readiness(platform: Workspace) -> int:
    """Ask on the backend's own port: the proxy leads nobody there."""
    return httpx.get(f"http://localhost:{platform.ports[2]}/health/ready", timeout=20).status_code


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may kill the processes of containers")
@pytest.mark.parametrize("service", ["app", "postgres", "redis", "minio", "traefik", "socket-proxy"])
def test_a_container_whose_main_process_is_killed_is_back_and_nothing_is_lost(
    platform: Workspace, service: str
) -> None:
    until(lambda: _readiness(platform) == 200, "ready before the kill", RECOVERY_SECONDS)
    with trusting(platform.url, platform.token) as client:
        kept = make(client, f"Before {service} was killed")
    kill_main_process(platform, service)
    with trusting(platform.url, platform.token) as client:
        until(lambda: _readiness(platform) == 200, "every dependency answers", RECOVERY_SECONDS)
        assert titles_in_download(client, kept["id"])[0] == f"Before {service} was killed"


@pytest.mark.parametrize(("service", "named"), [("postgres", "postgresql"), ("redis", "redis"), ("minio", "s3")])
def test_without_a_data_store_the_backend_says_503_and_recovers(platform: Workspace, service: str, named: str) -> None:
    stores = [c["Id"] for c in platform.containers(service)]
    started = {c["Id"]: c["State"]["StartedAt"] for c in platform.containers("app")}
    with trusting(platform.url, platform.token) as client:

        def answer() -> httpx.Response:
            return client.post(PRESENTATIONS, json=example())

        until(
            lambda: all(answer().status_code == 201 for _ in range(8)), "every worker takes requests", RECOVERY_SECONDS
        )
        docker("stop", *stores)
        try:
            until(lambda: answer().status_code == 503, "requests are refused", RECOVERY_SECONDS)
            refused = answer()
            assert refused.status_code == 503
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["dependencies"] == [named]
            assert _readiness(platform) == 503
            assert client.get("/health/live").status_code == 200
        finally:
            docker("start", *stores)
        until(lambda: all(answer().status_code == 201 for _ in range(8)), "every worker takes requests again", 60)
        assert _readiness(platform) == 200
    assert {c["Id"]: c["State"]["StartedAt"] for c in platform.containers("app")} == started, "no restart was needed"
