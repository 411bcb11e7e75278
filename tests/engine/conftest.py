"""One platform, run by Docker Compose from the same plan, for all tests of this folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slidegenie.engine.docker import plugin

from ..support.workspace import Workspace, missing_for_engine_tests


def missing_for_compose() -> str | None:
    """Return why the tests of this folder cannot run here; `None` when they can."""
    if reason := missing_for_engine_tests():
        return reason
    return None if plugin("compose") else "Docker Compose v2 is missing"


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A stack of its own; everything it made is gone afterwards."""
    if reason := missing_for_compose():
        pytest.skip(reason)
    made = Workspace.make(tmp_path_factory.mktemp("engine"), "compose", "compose", 28080)
    made.destroy()
    yield made
    made.destroy()


@pytest.fixture(scope="session")
def platform(workspace: Workspace) -> Workspace:
    """The running platform."""
    result = workspace.run("up")
    assert result.code == 0, result.text
    return workspace


@pytest.fixture(scope="module")
def tools() -> Iterator[None]:
    """Put the tools of the supply chain on PATH where CI has built them: only for tests that are about them.

    With Trivy on PATH every other stack would be scanned as well, which proves nothing more and takes its time.
    """
    cache = Path(os.environ.get("SLIDEGENIE_CACHE") or Path.home() / ".cache" / "slidegenie")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(cache / "tools"), prepend=os.pathsep)
        yield
