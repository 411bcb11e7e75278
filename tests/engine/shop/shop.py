"""A shop that keeps the platform's contract with the standard library alone."""

import http.server
import os
import pathlib
import signal
import socket
import sys
import threading
import urllib.request

_PORT = int(os.environ["PORT"])
_draining = threading.Event()


def _stores_answer() -> bool:
    """Tell whether the database is there and its password is readable."""
    password = pathlib.Path(os.environ["DATABASE_PASSWORD_FILE"]).read_text(encoding="utf-8")
    try:
        socket.create_connection((os.environ["DATABASE_HOST"], int(os.environ["DATABASE_PORT"])), timeout=2).close()
    except OSError:
        return False
    return bool(password)


class Shop(http.server.BaseHTTPRequestHandler):
    """Sells nothing, and says so."""

    def do_GET(self) -> None:
        """Answer one request."""
        match self.path:
            case "/":
                self._answer(200, f"shop {os.environ['RELEASE']}")
            case "/health/live":
                self._answer(503 if _draining.is_set() else 200, "live")
            case "/health/ready":
                self._answer(200 if _stores_answer() else 503, "ready")
            case _:
                self._answer(404, "the shop has no such thing")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


def serve() -> int:
    """Serve; on SIGTERM fail the health check at once, and stop once the proxy has seen it."""
    server = http.server.ThreadingHTTPServer(("", _PORT), Shop)

    def drain(*_: object) -> None:
        _draining.set()
        threading.Timer(float(os.environ["DRAIN_SECONDS"]), server.shutdown).start()

    signal.signal(signal.SIGTERM, drain)
    server.serve_forever()
    return 0


def health() -> int:
    """Return 0 while the shop takes requests."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/health/live", timeout=2).close()
    except OSError as error:
        print(error)  # noqa: T201 - `docker inspect` shows it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(health() if sys.argv[1:] == ["health"] else serve())
