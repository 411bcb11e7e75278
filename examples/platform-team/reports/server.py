"""A service that leaves the proxy's rotation before it stops: all that a rollout without a lost request asks for."""

import http.server
import signal
import sys
import threading
import time
import urllib.request

_PORT = 9000
_DRAIN_SECONDS = 3
_draining = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers the health path and everything below `/reports`."""

    def do_GET(self) -> None:
        """Answer one request."""
        healthy = self.path == "/health/live" and not _draining.is_set()
        found = healthy or self.path.startswith("/reports")
        body = b"reports\n" if found else b"draining\n"
        self.send_response(200 if found else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve() -> None:
    """Serve until told to stop; then fail the health check, wait for the proxy to see it, and end."""
    server = http.server.ThreadingHTTPServer(("", _PORT), Handler)

    def drain(*_: object) -> None:
        _draining.set()
        threading.Thread(target=lambda: (time.sleep(_DRAIN_SECONDS), server.shutdown())).start()

    signal.signal(signal.SIGTERM, drain)
    server.serve_forever()


def healthy() -> bool:
    """Ask the service whether it takes requests."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/health/live", timeout=2) as answer:
            return bool(answer.status == http.HTTPStatus.OK)
    except OSError as error:
        print(error, file=sys.stderr)  # noqa: T201 - `docker inspect` shows it
        return False


if __name__ == "__main__":
    if sys.argv[1:] == ["health"]:
        sys.exit(0 if healthy() else 1)
    serve()
