"""Development: an edit in the working tree is served by the running container."""

import time
from collections.abc import Iterator

import httpx
import pytest

from ..conftest import Figures
from ..support.client import PRESENTATIONS
from ..support.waiting import until
from ..support.workspace import Workspace, docker, missing_for_engine_tests

pytestmark = pytest.mark.engine

_RELOAD_SECONDS = 30
"""Far above the two seconds it takes, which are printed and not asserted: machines differ."""


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A stack that runs the development image."""
    if reason := missing_for_engine_tests():
        pytest.skip(reason)
    made = Workspace.make(tmp_path_factory.mktemp("development"), "hot", "compose", 24080)
    made.configure("backend", target="development", replicas=1, workers=1, limits={"memoryMib": 768})
    made.destroy()
    up = made.run("up")
    assert up.code == 0, up.text
    yield made
    made.destroy()


def test_an_edit_is_served_without_a_restart(development: Workspace, figures: Figures) -> None:
    url = f"http://localhost:{development.ports[2]}/health/live"
    container = development.containers("app")[0]["Id"]
    assert httpx.get(url).json() == {"status": "live"}
    source = development.root / "docker" / "backend" / "app" / "health.py"
    original = source.read_text(encoding="utf-8")
    for status, text in (
        ("edited", original.replace('{"status": "live"}', '{"status": "edited"}')),
        ("live", original),
    ):
        began = time.monotonic()
        source.write_text(text, encoding="utf-8")
        while _status(url) != status:
            assert time.monotonic() - began < _RELOAD_SECONDS
            time.sleep(0.1)
        figures(f"the edit was served after {time.monotonic() - began:.1f} s")
    assert [c["Id"] for c in development.containers("app")] == [container]


def _status(url: str) -> str | None:
    """Return what the backend says of itself; nothing while it reloads."""
    try:
        answer = httpx.get(url, timeout=2)
    except httpx.HTTPError:
        return None
    return str(answer.json()["status"]) if answer.headers["content-type"] == "application/json" else None


def test_logs_a_shell_and_pytest_work_in_the_container(development: Workspace) -> None:
    project = ("compose", "-p", "slidegenie-hot")
    url = f"http://localhost:{development.ports[2]}{PRESENTATIONS}"
    # One edit can be two events, and the second reload comes a moment later.
    until(lambda: httpx.get(url).status_code == httpx.codes.OK, "an answer", _RELOAD_SECONDS)
    assert PRESENTATIONS in docker(*project, "logs", "app")
    assert docker(*project, "exec", "-T", "app", "bash", "-c", "id -u").strip() == "1000"
    tests = development.run("pytest")
    assert tests.code == 0, tests.text
    assert " passed" in tests.out
