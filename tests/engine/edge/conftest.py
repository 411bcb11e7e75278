"""One platform with its monitoring and an own certificate, for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ...support.pem import Issuer
from ...support.workspace import Workspace
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
    root = Issuer("Test root")
    middle = Issuer("Test issuing", by=root)
    # As an authority of the world would issue it: for few weeks, and with an address where revocations are listed.
    own = Issuer("localhost", ["localhost"], by=middle, days=60, revocations="http://crl.example.com/list")
    authority = folder / "authority.pem"
    authority.write_text(root.pem, encoding="utf-8")
    stack = Workspace.make(folder / "checkout", "edge", "compose", FIRST_PORT)
    stack.configure("monitoring", enabled=True)
    stack.configure("proxy", tls="files", certificate=own.pem + middle.pem, hstsSeconds=None)
    stack.configure("secrets", tlsKey=own.key)
    stack.destroy()
    up = stack.run("up")
    assert up.code == 0, up.text
    yield Edge(stack, authority)
    stack.destroy()
