"""The probe behind `HEALTHCHECK`: one request to the server in the same container.

A raw socket instead of an HTTP client: importing `http.client` alone takes longer than the whole
probe, and a probe runs every few seconds in every container for as long as it lives.
"""

import os
import socket
import sys

TIMEOUT_SECONDS = 2.0
REQUEST = b"GET /health/live HTTP/1.0\r\nHost: localhost\r\nUser-Agent: healthcheck\r\n\r\n"


def probe() -> int:
    """Return 0 when `/health/live` answers 200; otherwise say why on standard output."""
    port = int(os.environ.get("PORT") or 8000)
    try:
        answer = _ask(port)
    except OSError as error:
        sys.stdout.write(f"no answer from 127.0.0.1:{port}: {error}\n")
        return 1
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(b" ", 2)[1:2] == [b"200"]:
        return 0
    # People read this in `docker inspect`, next to the exit code.
    sys.stdout.write((body or head).decode(errors="replace").strip() + "\n")
    return 1


def _ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(REQUEST)
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    return answer
