"""Requests that no client means, always the same ones: bytes as they go over the wire."""

import json
import random
from collections.abc import Iterator
from typing import Any

from .client import PRESENTATIONS, example

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
