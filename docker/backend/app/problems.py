"""Errors as `application/problem+json` (RFC 9457), without a word about the inside."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from . import metrics
from .errors import (
    BusyError,
    InvalidCursorError,
    NotFoundError,
    OverQuotaError,
    UnauthorizedError,
    UnavailableError,
)

RETRY_AFTER_SECONDS = 2
MAX_VALIDATION_ERRORS = 20
"""A small request could otherwise ask for an answer many times its size."""

log = structlog.get_logger(__name__)


class TooLargeError(HTTPException):
    """More was sent than is accepted."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(413, f"the request body must be at most {limit_bytes} bytes")


def problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **extensions: Any,  # noqa: ANN401 - whatever JSON can express
) -> Response:
    """Return a problem document."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **extensions,
    }
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        document["request_id"] = request_id
    # Escaped to ASCII: names of unknown fields are shown, and those are the caller's choice.
    return Response(
        json.dumps(document).encode("ascii"),
        status,
        headers,
        media_type="application/problem+json",
    )


def count_failure(request: Request, reason: str) -> None:
    """Count a failed request under the name of its endpoint."""
    operation = getattr(request.scope.get("route"), "name", None) or "none"
    metrics.FAILURES.labels(operation, reason).inc()


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every expected error with a problem document."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(UnavailableError, _unavailable)
    app.add_exception_handler(UnauthorizedError, _unauthorized)
    app.add_exception_handler(NotFoundError, _not_found)
    app.add_exception_handler(BusyError, _busy)
    app.add_exception_handler(OverQuotaError, _over_quota)
    app.add_exception_handler(InvalidCursorError, _invalid_cursor)
    app.add_exception_handler(HTTPException, _http)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - by registration
    count_failure(request, "invalid")
    errors = [
        {
            "location": "/".join(str(part) for part in found["loc"]),
            "message": found["msg"].removeprefix("Value error, "),
        }
        for found in error.errors()[:MAX_VALIDATION_ERRORS]
    ]
    return problem(422, "the request does not have the expected form", errors=errors)


async def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnavailableError)  # noqa: S101 - by registration
    names = list(error.dependencies)
    for name in names:
        count_failure(request, name)
    log.warning("dependency_unavailable", dependencies=names, reason=error.reason)
    extensions: dict[str, Any] = {"dependencies": names}
    if error.missing_settings:
        detail = "not configured; set " + ", ".join(
            setting for settings in error.missing_settings.values() for setting in settings
        )
        extensions["missing_settings"] = error.missing_settings
    else:
        detail = f"{' and '.join(names)} cannot be used right now; try again shortly"
    return problem(503, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)}, **extensions)


async def _unauthorized(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnauthorizedError)  # noqa: S101 - by registration
    count_failure(request, "unauthorized")
    # By RFC 6750 a request without a token is not told of an error.
    challenge = 'Bearer error="invalid_token"' if error.brought else "Bearer"
    return problem(401, str(error), {"WWW-Authenticate": challenge})


async def _busy(request: Request, _error: Exception) -> Response:
    count_failure(request, "busy")
    return problem(
        503,
        "too many presentations wait to be built; try again shortly",
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


async def _over_quota(request: Request, error: Exception) -> Response:
    assert isinstance(error, OverQuotaError)  # noqa: S101 - by registration
    count_failure(request, "over_quota")
    # RFC 4331 has this status for quotas: unlike with 413 no smaller request helps, and unlike with
    # 429 no waiting does.
    return problem(
        507,
        f"your presentations may take {error.quota_bytes} bytes, and with this one would take more;"
        " delete some",
    )


async def _not_found(_request: Request, _error: Exception) -> Response:
    return problem(404, "there is no such presentation")


async def _invalid_cursor(request: Request, _error: Exception) -> Response:
    count_failure(request, "invalid")
    return problem(
        422,
        "the request does not have the expected form",
        errors=[{"location": "query/cursor", "message": "must be a next_cursor of this API"}],
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - by registration
    if isinstance(error, TooLargeError):
        count_failure(request, "too_large")
    return problem(error.status_code, error.detail, error.headers)
