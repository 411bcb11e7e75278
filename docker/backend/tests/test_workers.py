"""Several workers on one socket: none of them speaks for another, or answers before it can."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .test_server import BACKEND, Server, eventually

URL = "/api/v1/presentations"
DEPENDENCIES = """
import asyncio
import os
from pathlib import Path

from tests.fakes import FakeCache, FakeObjects, FakeRepository

from ..model import Dependencies

FLAGS = Path(os.environ["FLAGS"])

class Late(FakeRepository):
    async def check(self):
        while not self.first() and not (FLAGS / "all").exists():
            await asyncio.sleep(0.02)

    def first(self):
        try:
            (FLAGS / "first").symlink_to(str(os.getpid()))
        except FileExistsError:
            pass
        return os.readlink(FLAGS / "first") == str(os.getpid())

def connect(settings):
    return Dependencies(Late(), FakeCache(name="redis"), FakeObjects(name="s3"))
"""
"""Dependencies that answer the first worker that asks, and the others once `all` is there."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    code = tmp_path / "code"
    shutil.copytree(BACKEND / "app", code / "app")
    (code / "app" / "dependencies" / "connect.py").write_text(DEPENDENCIES)
    (tmp_path / "flags").mkdir()
    server = Server(tmp_path, code)
    yield server
    if server.process.poll() is None:
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        server.process.kill()
        server.process.wait()


def start(server: Server, flags: Path) -> None:
    server.start(FLAGS=str(flags), PYTHONPATH=str(BACKEND), DRAIN_SECONDS="0", API_OPEN="true")


def answers(server: Server) -> Counter[int]:
    """Return how often each status came back, from connections of their own, many at once."""
    with ThreadPoolExecutor(16) as clients:
        return Counter(clients.map(lambda _: server.get(URL)[0], range(200)))


def test_a_worker_whose_dependencies_answer_late_takes_no_request_until_then(
    server: Server, tmp_path: Path
) -> None:
    start(server, tmp_path / "flags")
    eventually(lambda: server.messages().count("started") == 1)
    eventually(lambda: "slidegenie_worker_starts_total 2.0" in server.get("/metrics")[1])

    assert answers(server) == Counter({200: 200})
    assert json.loads(server.get("/health/live")[1]) == {
        "status": "starting",
        "waiting_for": ["another worker"],
    }

    (tmp_path / "flags" / "all").touch()
    eventually(lambda: server.messages().count("started") == 2)
    assert answers(server) == Counter({200: 200})
    assert server.get("/health/live")[0] == 200


def test_a_replaced_worker_takes_no_request_before_its_dependencies_answered_it(
    server: Server, tmp_path: Path
) -> None:
    everyone = tmp_path / "flags" / "all"
    everyone.touch()
    start(server, tmp_path / "flags")
    eventually(lambda: "slidegenie_worker_starts_total 2.0" in server.get("/metrics")[1])
    eventually(lambda: answers(server) == Counter({200: 200}))
    everyone.unlink()
    first = int((tmp_path / "flags" / "first").readlink().name)
    [second] = server.workers() - {first}
    os.kill(second, signal.SIGKILL)
    eventually(lambda: "slidegenie_worker_starts_total 3.0" in server.get("/metrics")[1])

    assert answers(server) == Counter({200: 200})
    assert server.messages().count("started") == 2

    everyone.touch()
    eventually(lambda: server.messages().count("started") == 3)
    assert answers(server) == Counter({200: 200})


def test_a_server_that_waits_is_not_healthy_and_says_for_what(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "flags" / "first").symlink_to("nobody")
    start(server, tmp_path / "flags")
    eventually(lambda: '"waiting_for":["postgresql"]' in probed(server)[1])

    assert probed(server)[0] == 1
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
    assert "worker_killed" not in server.messages(), "those that wait end at once"


def probed(server: Server) -> tuple[int, str]:
    """Return the exit code and the words of the probe, which the engine runs beside the server."""
    probe = subprocess.run(
        [sys.executable, "-m", "app", "health"],
        cwd=server.code,
        env=os.environ | {"PORT": str(server.port), "RUNTIME_DIR": str(server.runtime)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return probe.returncode, probe.stdout
