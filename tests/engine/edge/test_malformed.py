"""Nonsense from outside: no server error, no crash, no stack trace, no growth."""

import collections
import concurrent.futures
import json
import random
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ...support.client import PRESENTATIONS, example, make, titles_in_download, trusting, unverified
from ...support.hardening import service
from ...support.tools import tool
from ...support.workspace import docker
from .conftest import Edge

# ---------------------------------------------------------------------------- bytes
# Requests that no client means, always the same ones: bytes as they go over the wire.


_ID = "00000000-0000-0000-0000-000000000000"
_PATHS = ("/", "/health/live", PRESENTATIONS, f"{PRESENTATIONS}/{_ID}", f"{PRESENTATIONS}/{_ID}/download")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "G\0T", "")
_ODD = (
    "%00", "%0d%0aX-Evil:1", "%2e%2e%2f", "..%5c", "%", "%zz", "%c0%af", "%ff%fe", "\u202e", "\x7f", "a" * 5000, "//",
    ";x=1", "/./.", "?", "#", "*", "'\"<>", "${7*7}", "{{7*7}}", "%25%32%66",
)  # fmt: skip
_HEADERS = (
    "Host: evil.example.com", "Host: localhost\r\nHost: other", "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Proto: gopher",
    "X-Request-ID: \x01\x02", "X-Request-ID: " + "a" * 9000, "Accept: " + "*/*," * 500, "Accept-Encoding: x;q=nan",
    "Range: bytes=0-,-1,5-2", "If-Modified-Since: never", "Expect: 200-maybe", "Connection: close, upgrade",
    "Upgrade: websocket", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "Cookie: " + "a=b; " * 800,
    "Authorization: Basic ====", "No colon here", ": empty name", "X Space: 1", "X-Tab\t: 1", " folded: 1",
    "Content-Type: multipart/form-data; boundary=", "Content-Type: application/json; charset=utf-7",
    "Content-Encoding: gzip", "Content-Encoding: br, gzip, identity", "X-Latin: \xff\xfe", "Content-Location: \x00",
)  # fmt: skip
_FRAMING = (
    "Content-Length: -1", "Content-Length: 1e3", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 0x10",
    "Content-Length: 99999999999999999999", "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: gzip",
    "Transfer-Encoding: \x0bchunked", "Transfer-Encoding : chunked",
)  # fmt: skip
_CHUNKS = (
    b"zz\r\nabc\r\n0\r\n\r\n", b"-1\r\n\r\n", b"ffffffffffffffff\r\na\r\n", b"3;x=y\r\nabc\r\n0\r\nX: 1\r\n\r\n",
    b"3\nabc\n0\n\n", b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
)  # fmt: skip
_BODIES: tuple[bytes, ...] = (
    b"", b"null", b"[]", b"{}", b"NaN", b"-Infinity", b"1e400", b"{", b'{"title":', b"\xff\xfe\x00", b"\xef\xbb\xbf{}",
    b'{"title":"\\ud800","slides":[]}', b'{"title":"\\u0000","slides":[{"title":"\\u0000","bullets":["\\u0000"]}]}',
    b"[" * 20_000, b'{"a":' * 5_000, b'{"title":"a","title":"b","slides":[]}', b"9" * 6_000,
    b"a=b&c=d", b"\x1f\x8b\x08garbage",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, 10**40, "", "a" * 100_000, "\x00", "\ud83d", "\u202e\u0301" * 50, [], {}, [[[]]],
    {"a": {"b": []}},
    [None] * 300, ["x"] * 5000, [{"title": "t", "bullets": []}] * 400, "=cmd|' /C calc'!A0", "<p>&#0;</p>",
    "\x0b\x1f\ufffe",
)  # fmt: skip


def malformed(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield `count` requests with the kind of each, the same for the same seed."""
    choice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    kinds = (_path, _header, _framing, _body, _value, _query, _noise)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield kind.__name__.removeprefix("_"), kind(choice)


def _request(method: str, path: str, headers: list[str], body: bytes = b"", version: str = "HTTP/1.1") -> bytes:
    lines = [f"{method} {path} {version}", *headers, "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body


def _sized(body: bytes) -> list[str]:
    return ["Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}"]


def _path(choice: random.Random) -> bytes:
    base = choice.choice(_PATHS)
    cut = choice.randrange(len(base) + 1)
    odd = "".join(choice.choices(_ODD, k=choice.randrange(1, 4)))
    return _request(choice.choice(_METHODS), base[:cut] + odd + base[cut:], ["Host: localhost"])


def _header(choice: random.Random) -> bytes:
    headers = choice.sample(_HEADERS, k=choice.randrange(1, 4))
    host = [] if choice.random() < 0.2 else ["Host: localhost"]
    version = choice.choice(("HTTP/1.1", "HTTP/1.0", "HTTP/3.9", "HTTP/", "JUNK/1.1"))
    return _request(choice.choice(_METHODS), choice.choice(_PATHS), [*host, *headers], version=version)


def _framing(choice: random.Random) -> bytes:
    headers = ["Host: localhost", "Content-Type: application/json", choice.choice(_FRAMING)]
    body = choice.choice(_CHUNKS) if choice.random() < 0.6 else choice.choice(_BODIES)
    return _request(choice.choice(_METHODS[:8]), choice.choice(_PATHS), headers, body)


def _body(choice: random.Random) -> bytes:
    body = choice.choice(_BODIES) if choice.random() < 0.7 else choice.randbytes(choice.randrange(1, 20_000))
    return _request(choice.choice(("POST", "PUT", "PATCH")), choice.choice(_PATHS), _sized(body), body)


def _value(choice: random.Random) -> bytes:
    """Change one value somewhere in a presentation that would be right."""
    document: Any = example("Fuzzed")
    place: Any = choice.choice((document, document["slides"][0]))
    place[choice.choice((*place, "unknown", ""))] = choice.choice(_VALUES)
    body = json.dumps(document).encode()
    return _request("POST", PRESENTATIONS, _sized(body), body)


def _query(choice: random.Random) -> bytes:
    name = choice.choice(("limit", "offset", "cursor", "after", "page", "q", "limit[]", ""))
    value = choice.choice(
        ("-1", "0", "1e9", str(10**30), "NaN", "%00", "%ff", "a" * 3000, "'--", "%F0%9F%92%A9", "\u0660")
    )
    target = choice.choice((PRESENTATIONS, f"{PRESENTATIONS}/{choice.choice(('null', '-1', _ID + 'x', '%00'))}"))
    return _request("GET", f"{target}?{name}={value}&{name}={value}", ["Host: localhost"])


def _noise(choice: random.Random) -> bytes:
    starts = (
        b"",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\x05",
        b"GET / HTTP/1.1\r\nHost: ",
        b"\r\n" * 50,
    )
    return choice.choice(starts) + choice.randbytes(choice.randrange(0, 300)) + b"\r\n\r\n"


# ---------------------------------------------------------------------------- tests


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
