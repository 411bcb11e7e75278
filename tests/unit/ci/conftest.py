"""What the tests of continuous integration share."""

from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer

from .fake_forge import FakeForge


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    """Return a forge, whose store of artifacts is at an address of its own."""
    with HTTPServer(host="127.0.0.1") as interface, HTTPServer(host="localhost") as store:
        yield FakeForge(interface, store)
        interface.check_assertions()
