"""Nonsense from outside: no server error, no crash, no stack trace, no growth."""

import collections
import concurrent.futures
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ...support.client import make, titles_in_download, trusting, unverified
from ...support.hardening import service
from ...support.malformed import malformed
from ...support.tools import tool
from ...support.workspace import docker
from .conftest import Edge

pytestmark = pytest.mark.engine

_HALF = 600
_TELLTALE = re.compile(
    rb'Traceback|File "/|\.py", line|goroutine \d|runtime error|panic:|asyncpg|sqlalchemy|starlette', re.IGNORECASE
)
_OF_HTTP = frozenset({501, 505})
"""What HTTP itself has for a coding, a method and a version that nobody speaks; Go's server says so before Traefik."""
_GROWTH = 1.25
_SLACK_MIB = 8
_UNITS = {"B": 1 / 2**20, "KiB": 1 / 2**10, "MiB": 1, "GiB": 2**10}


def answer(port: int, request: bytes) -> bytes:
    """Send bytes over TLS and return all that comes back; nothing when the connection is closed or kept waiting."""
    context = unverified()
    context.set_alpn_protocols(["http/1.1"])
    got = b""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            secure.settimeout(2)
            secure.sendall(request)
            while piece := secure.recv(65_536):
                got += piece
    except OSError:
        pass
    return got


def status(got: bytes) -> int:
    """Return the status of an answer, 0 for none."""
    match = re.match(rb"HTTP/1\.[01] (\d{3})", got)
    return int(match[1]) if match else 0


def is_wrong(request: bytes, got: bytes) -> bool:
    """Tell whether an answer gives something away, or is a server error."""
    if _TELLTALE.search(got):
        return True
    if status(got) == 500 and b"Transfer-Encoding: chunked" in request:
        # Traefik has no other answer to a body whose chunks are broken. It is its own: the application names each of
        # its answers, and one of those would be a mistake of the application.
        return _is_of_the_application(got)
    return status(got) >= 500 and status(got) not in _OF_HTTP


def _is_of_the_application(got: bytes) -> bool:
    """Tell whether the application gave this answer: it names each of them, and the edge names none."""
    return b"x-request-id:" in got.partition(b"\r\n\r\n")[0].lower()


def memory_mib(edge: Edge) -> dict[str, float]:
    """Return what each container of edge and application uses."""
    found = {}
    for container in [*edge.stack.containers("traefik"), *edge.stack.containers("app")]:
        used = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container["Id"]).split()[0]
        number, unit = re.fullmatch(r"([\d.]+)(\w+)", used).groups()  # type: ignore[union-attr]
        found[container["Id"]] = float(number) * _UNITS[unit]
    return found


def lives(edge: Edge) -> dict[str, tuple[Any, ...]]:
    """Return what changes when a container starts anew."""
    return {c["Id"]: (service(c), c["State"]["StartedAt"], c["RestartCount"]) for c in edge.stack.containers()}


def complaints(edge: Edge) -> list[str]:
    """Return the log lines in which the application or the edge was taken by surprise."""
    return [
        line
        for container in [*edge.stack.containers("traefik"), *edge.stack.containers("app")]
        for line in docker("logs", container["Id"]).splitlines()
        if re.search(r"request_failed|Traceback|panic|runtime error", line)
    ]


def test_twelve_hundred_malformed_requests_do_no_harm(edge: Edge) -> None:
    before = lives(edge)
    port = edge.stack.ports[1]
    requests = list(malformed(6, 2 * _HALF))
    statuses: collections.Counter[int] = collections.Counter()
    silent: collections.Counter[str] = collections.Counter()
    reached = 0
    wrong: list[tuple[bytes, bytes]] = []
    used: list[dict[str, float]] = []
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for half in (requests[:_HALF], requests[_HALF:]):
            answers = pool.map(lambda sent: answer(port, sent[1]), half)
            for (kind, request), got in zip(half, answers, strict=True):
                statuses[status(got)] += 1
                silent[kind] += status(got) == 0
                reached += _is_of_the_application(got)
                if is_wrong(request, got):
                    wrong.append((request[:300], got[:300]))
            used.append(memory_mib(edge))

    assert wrong == []
    # Else they were not what they are meant to be: all sorts of refusals, and some that are right after all.
    assert {200, 201, 400, 404, 405, 422} <= set(statuses), statuses
    assert sum(count for code, count in statuses.items() if 400 <= code < 500) > _HALF, statuses
    assert statuses[500] < _HALF // 20, "more than those with broken chunks"
    # What the edge turned away for its number, or nobody answered, has tested nothing.
    assert statuses[429] == 0, statuses
    assert reached > len(requests) // 3, (reached, statuses)
    assert silent.total() - silent["framing"] - silent["noise"] <= len(requests) // 100, silent
    assert silent.total() <= len(requests) // 4, silent
    assert lives(edge) == before
    assert complaints(edge) == []
    grown = {c: (used[0][c], now) for c, now in used[1].items() if now > used[0][c] * _GROWTH + _SLACK_MIB}
    assert grown == {}


def test_schemathesis_finds_no_server_error(edge: Edge, tmp_path: Path) -> None:
    before = lives(edge)
    command = [
        *(tool("schemathesis"), "run", f"https://{edge.host}/api/v1/openapi.json"),
        *("--tls-verify=false", "--checks=not_a_server_error", "--seed=6", "--max-examples=40", "--workers=4"),
        *("--phases=examples,coverage,fuzzing", "--generation-database=none", "--no-color", "--request-timeout=10"),
    ]
    # It leaves a folder of its own where it runs.
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    made = re.search(r"(\d+) generated", done.stdout)
    assert made is not None, done.stdout[-2000:]
    assert int(made[1]) > 200
    assert lives(edge) == before
    assert complaints(edge) == []


def test_the_product_still_works(edge: Edge) -> None:
    with trusting(edge.stack.url) as client:
        made = make(client, "After the storm")
        assert titles_in_download(client, made["id"])[0] == "After the storm"
