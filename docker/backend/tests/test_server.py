"""The real server: how it starts, drains, stops and replaces what dies."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BACKEND = Path(__file__).parent.parent


class Server:
    """A server process on a port of its own."""

    def __init__(self, directory: Path, code: Path = BACKEND) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = directory / "log"
        self.runtime = directory / "run"
        self.code = code

    def start(self, *arguments: str, **environment: str) -> None:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve", *arguments],
                cwd=self.code,
                env=os.environ
                | {"PORT": str(self.port), "RUNTIME_DIR": str(self.runtime), "DRAIN_SECONDS": "1"}
                | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body, or 0 if nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {
            int(pid)
            for pid in children.split()
            if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()
        }

    def messages(self) -> list[str]:
        return [json.loads(line)["message"] for line in self.log.read_text().splitlines()]


def runs(pid: int) -> bool:
    """Whether a process does; one that has ended but was not waited for has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 60) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - started


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    if server.process.poll() is None:
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        server.process.kill()
        server.process.wait()


def start(server: Server, **environment: str) -> None:
    server.start(**environment)
    eventually(lambda: server.get("/health/live")[0] == 200)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_fails_health_checks_while_requests_are_served_on(
    server: Server, signum: int
) -> None:
    start(server, DRAIN_SECONDS="4")
    asked = time.monotonic()
    server.process.send_signal(signum)

    eventually(lambda: server.get("/health/live") == (503, '{"status":"draining"}'))
    served = server.get("/")[0]
    code = server.process.wait(60)

    assert (served, code) == (200, 0)
    assert time.monotonic() - asked >= 4
    assert server.messages()[-1] == "stopped"


def test_a_signal_to_the_whole_process_group_drains_too(server: Server) -> None:
    start(server, DRAIN_SECONDS="4")
    os.killpg(server.process.pid, signal.SIGTERM)

    eventually(lambda: server.get("/health/live")[0] == 503)
    time.sleep(0.5)

    assert server.get("/")[0] == 200
    assert server.process.wait(60) == 0


def test_a_second_signal_stops_at_once(server: Server) -> None:
    start(server, DRAIN_SECONDS="60")
    workers = server.workers()
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: server.get("/health/live")[0] == 503)
    asked = time.monotonic()
    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(60) == 128 + signal.SIGTERM
    assert time.monotonic() - asked < 30, "it did not wait for the drain"
    eventually(lambda: not any(runs(pid) for pid in workers))


def test_a_request_in_flight_is_finished_after_the_drain(server: Server) -> None:
    start(server, DRAIN_SECONDS="0")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(
            b"POST /api/v1/presentations HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
        )
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        # New connections are refused at once, not accepted and then left waiting.
        eventually(lambda: server.get("/")[0] == 0)
        connection.sendall(b"}")
        answer = connection.recv(1000)

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert server.process.wait(60) == 0


def test_a_request_that_never_ends_does_not_hold_up_the_stop(server: Server) -> None:
    start(server, DRAIN_SECONDS="0", SHUTDOWN_SECONDS="2")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            b"POST /api/v1/presentations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{"
        )
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)

        assert server.process.wait(60) == 0


def test_a_dead_worker_is_replaced_and_its_gauges_are_forgotten(server: Server) -> None:
    start(server)
    eventually(lambda: len(server.workers()) == 2)
    [victim, survivor] = server.workers()
    eventually(lambda: "slidegenie_worker_starts_total 2.0" in server.get("/metrics")[1])
    os.kill(victim, signal.SIGKILL)

    eventually(lambda: "slidegenie_worker_starts_total 3.0" in server.get("/metrics")[1])

    assert victim not in server.workers()
    assert survivor in server.workers()
    gauges = {path.name for path in (server.runtime / "server" / "metrics").glob("gauge_live*")}
    assert not any(name.endswith(f"_{victim}.db") for name in gauges)
    assert any(name.endswith(f"_{survivor}.db") for name in gauges)


def test_a_new_server_does_not_inherit_flags_or_counters(server: Server) -> None:
    old = server.runtime / "server"
    (old / "metrics").mkdir(parents=True)
    (old / "draining").touch()
    (old / "metrics" / "counter_1.db").write_bytes(b"garbage")

    start(server)

    assert server.get("/metrics")[0] == 200
    assert not (old / "metrics" / "counter_1.db").exists()


def test_a_runtime_directory_that_cannot_be_written_is_replaced_by_a_temporary_one(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    start(server, RUNTIME_DIR=str(tmp_path / "file" / "below"))

    assert server.get("/health/live")[0] == 200


def test_an_application_that_cannot_start_ends_the_server(server: Server, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "pptx.py").write_text("raise ImportError('broken on purpose')")
    server.start(PYTHONPATH=str(broken))

    assert server.process.wait(20) == 1
    assert "application_not_created" in server.messages()
    assert server.messages()[-1] == "stopped_unasked"


def test_a_port_that_is_taken_ends_the_server(server: Server) -> None:
    with socket.create_server(("0.0.0.0", server.port)):  # noqa: S104 - the server's own address
        server.start()

        assert server.process.wait(20) == 3


def test_a_change_of_the_code_is_served_without_a_restart(server: Server, tmp_path: Path) -> None:
    server.code = tmp_path / "code"
    shutil.copytree(BACKEND / "app", server.code / "app")
    server.start("--reload")
    eventually(lambda: server.get("/")[0] == 200)
    health = server.code / "app" / "health.py"
    # The watcher is up a moment after the worker.
    time.sleep(0.5)
    health.write_text(health.read_text().replace('"slidegenie-backend"', '"changed"'))

    eventually(lambda: '"changed"' in server.get("/")[1])
