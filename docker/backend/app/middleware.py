"""What happens around every request: an id, one log line, the metrics, and a limit on the body."""

import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import metrics
from .errors import CutOffError
from .problems import TooLargeError, count_failure, problem

# Taken over from the proxy for tracing, but only if it cannot garble a log or a header.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET_ROUTES = frozenset({"/health/live", "/health/ready", "/metrics"})

log = structlog.get_logger(__name__)


class ObservedRequests:
    """Outermost: sees the status a caller really gets, also for errors nobody expected."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status: int | None = None
        started = time.perf_counter()

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        metrics.IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, observed_send)
        except CutOffError:
            # Returning with the answer unfinished makes the server close the connection, which
            # tells the caller that it is not whole.
            pass
        except Exception:
            log.exception("request_failed")
            count_failure(Request(scope), "internal")
            if status is None:
                answer = problem(500, "something went wrong on our side")
                await answer(scope, receive, observed_send)
        finally:
            metrics.IN_FLIGHT.dec()
            _report(scope, status, time.perf_counter() - started)


def _report(scope: Scope, status: int | None, seconds: float) -> None:
    # The template, never the path: paths hold ids, and anything at all where nothing matches.
    route = getattr(scope.get("route"), "path", "unmatched")
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    metrics.REQUESTS.labels(method, route, str(status or 0)).inc()
    metrics.REQUEST_SECONDS.labels(method, route).observe(seconds)
    client = scope.get("client")
    write = log.debug if route in _QUIET_ROUTES else log.info
    write(
        "request",
        method=method,
        path=scope["path"],
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 1),
        client=client[0] if client else None,
    )


class LimitedBody:
    """Refuses bodies that are too large, announced or not, before they fill the memory."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0

        async def limited_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit_bytes:
                raise TooLargeError(self._limit_bytes)
            return message

        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limit_bytes:
            error = TooLargeError(self._limit_bytes)
            count_failure(Request(scope), "too_large")
            # The rest of the body will not be read, so the connection cannot be used again.
            answer = problem(413, error.detail, {"Connection": "close"})
            await answer(scope, receive, send)
            return
        await self._app(scope, limited_receive, send)
