"""One platform with its monitoring and an own certificate, for all tests of this folder."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from ...support.client import trusting
from ...support.pem import as_of_the_world, text
from ...support.waiting import until
from ...support.workspace import Workspace, docker
from ..conftest import missing_for_compose

FIRST_PORT = 32000


@dataclass(frozen=True)
class Edge:
    """A running platform and who vouches for its certificate."""

    stack: Workspace
    authority: Path

    @property
    def host(self) -> str:
        """Name and port of the edge."""
        return f"localhost:{self.stack.ports[1]}"


@pytest.fixture(scope="package")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """A stack of its own; everything it made is gone afterwards."""
    if reason := missing_for_compose():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("edge")
    root = trustme.CA()
    middle = root.create_child_ca()
    certificate, key = as_of_the_world("localhost", middle)
    authority = folder / "authority.pem"
    authority.write_text(text(root.cert_pem), encoding="utf-8")
    stack = Workspace.make(folder / "checkout", "edge", "compose", FIRST_PORT)
    stack.configure("monitoring", enabled=True)
    # What the edge lets through is seen by what the application makes of it, so that answers everybody.
    stack.configure("backend", tokens=[])
    stack.configure("proxy", tls="files", certificate=certificate + text(middle.cert_pem), hstsSeconds=None)
    stack.configure("secrets", tlsKey=key)
    stack.destroy()
    up = stack.run("up")
    try:
        assert up.code == 0, up.text
        # Healthy containers are one thing, and a route that the proxy has taken in another.
        with trusting(stack.url) as client:
            until(lambda: client.get("/health/live").status_code == httpx.codes.OK, "the edge has its routes", 60)
        yield Edge(stack, authority)
    finally:
        stack.destroy()


def access_log(edge: Edge) -> list[dict[str, Any]]:
    """Return what the edge wrote down about requests."""
    (traefik,) = edge.stack.containers("traefik")
    lines = [json.loads(line) for line in docker("logs", traefik["Id"]).splitlines() if line.startswith("{")]
    return [line for line in lines if "RequestPath" in line]
