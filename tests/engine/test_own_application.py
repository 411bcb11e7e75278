"""An application of somebody else in the reference backend's place: its own Dockerfile, commands and port."""

import time
from collections.abc import Iterator
from pathlib import PurePosixPath

import httpx
import pytest

from ..support.client import trusting
from ..support.workspace import Workspace, docker
from .conftest import missing_for_compose

pytestmark = pytest.mark.engine

_HEALTH = ["python3", "/srv/shop.py", "health"]
_PORT, _FIRST_PORT = 3000, 25080
_GONE_SECONDS = 60
"""Far above the drain; the test ends when the container does."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A platform whose application is the one in the folder `shop`."""
    if reason := missing_for_compose():
        pytest.skip(reason)
    made = Workspace.make(tmp_path_factory.mktemp("shop"), "shop", "compose", _FIRST_PORT)
    made.configure("backend", context="tests/engine/shop", port=_PORT, healthCommand=_HEALTH, release="1.4.2")
    made.destroy()
    up = made.run("up")
    try:
        assert up.code == 0, up.text
        yield made
    finally:
        made.destroy()


def test_it_answers_at_the_edge_and_reaches_its_stores(shop: Workspace) -> None:
    with trusting(shop.url) as client:
        assert client.get("/").text == "shop 1.4.2"
        assert client.get("/api/v1/presentations").text == "the shop has no such thing"
        hidden = client.get("/health/ready")
    assert (hidden.status_code, "shop" in hidden.text) == (httpx.codes.NOT_FOUND, False)
    assert httpx.get(f"http://localhost:{shop.ports[2]}/health/ready").status_code == httpx.codes.OK


def test_nothing_of_the_reference_runs_in_it(shop: Workspace) -> None:
    replicas = shop.containers("app")

    assert len(replicas) == 2
    for replica in replicas:
        assert replica["Config"]["Healthcheck"]["Test"] == ["CMD", *_HEALTH]
        assert replica["Config"]["User"] == "1000:1000"
        bound = {PurePosixPath(mount["Destination"]) for mount in replica["Mounts"] if mount["Type"] == "bind"}
        assert {path.parent for path in bound} == {PurePosixPath("/run/secrets")}, "secrets, and nobody's source"
    assert shop.containers("migrate", everything=True) == []


def test_no_request_is_lost_while_a_replica_stops(shop: Workspace) -> None:
    victim = shop.containers("app")[0]["Id"]
    with trusting(shop.url) as client:
        docker("kill", "--signal", "TERM", victim)
        asked = shop.execute(victim, " ".join(_HEALTH))
        assert asked.code == 1, asked.text
        assert "503" in asked.text
        deadline = time.monotonic() + _GONE_SECONDS
        while victim in docker("ps", "--quiet", "--no-trunc"):
            assert client.get("/").text == "shop 1.4.2"
            assert time.monotonic() < deadline, "it does not stop"
        assert client.get("/").text == "shop 1.4.2"
    assert docker("inspect", "--format", "{{.State.ExitCode}}", victim).strip() == "0"
