"""The routes under `/api/v1`."""

import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response, Security
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from . import metrics
from .access import Access
from .dependencies.objects import CONTENT_TYPE
from .errors import CutOffError, InvalidCursorError, UnavailableError
from .model import Position
from .schemas import Outline, PresentationPage, PresentationView
from .service import PresentationService
from .state import AppState

log = structlog.get_logger(__name__)


_BEARER = HTTPBearer(
    scheme_name="token",
    description="A token of this stack; `make password` shows it to its operator.",
    auto_error=False,
)


class OwnedRoute(APIRoute):
    """A route that knows whose a request is before it reads a byte of the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the question before the route's own handler."""
        handle = super().get_route_handler()

        async def handle_owned(request: Request) -> Response:
            state: AppState = request.app.state.slidegenie
            brought = await _BEARER(request)
            owner = state.access.owner(brought.credentials if brought else None)
            structlog.contextvars.bind_contextvars(owner=owner)
            request.state.owner = owner
            return await handle(request)

        return handle_owned


def _owner(request: Request) -> str:
    owner: str = request.state.owner
    return owner


Owner = Annotated[str, Depends(_owner)]


def _on(*needed: str) -> Callable[[Request], PresentationService]:
    """Return what refuses a request at once while one of these dependencies is away.

    Others are no reason to refuse it: a list is served while the files are away.
    """

    def serving(request: Request) -> PresentationService:
        state: AppState = request.app.state.slidegenie
        return state.serving(needed)

    return serving


ListService = Annotated[PresentationService, Depends(_on("postgresql"))]
RecordService = Annotated[PresentationService, Depends(_on("postgresql", "redis"))]
FileService = Annotated[PresentationService, Depends(_on("postgresql", "redis", "s3"))]

_PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such presentation", **_PROBLEM}
}

router = APIRouter(
    prefix="/api/v1/presentations",
    tags=["presentations"],
    route_class=OwnedRoute,
    responses={
        422: {"description": "The request does not have the expected form", **_PROBLEM},
        503: {"description": "A dependency, named in the body, is away", **_PROBLEM},
    },
)
_UNAUTHORIZED: dict[int | str, dict[str, Any]] = {
    401: {
        "description": "The request has no token, or one that is not known",
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
        **_PROBLEM,
    }
}


def add_routes(app: FastAPI, access: Access) -> None:
    """Add the routes to an application, and to its description that they want a token, if so."""
    if access.open_to_all:
        app.include_router(router)
    else:
        app.include_router(router, dependencies=[Security(_BEARER)], responses=_UNAUTHORIZED)


@router.post(
    "",
    status_code=201,
    responses={
        400: {"description": "The request body is no text", **_PROBLEM},
        413: {"description": "The request body is too large", **_PROBLEM},
        503: {
            "description": "A dependency, named in the body, is away, or too much waits already",
            **_PROBLEM,
        },
        507: {"description": "The token's owner stores as much as they may", **_PROBLEM},
    },
)
async def create_presentation(
    outline: Outline, owner: Owner, service: FileService, response: Response
) -> PresentationView:
    """Make a presentation."""
    presentation = await service.create(outline, owner)
    response.headers["Location"] = f"/api/v1/presentations/{presentation.id}"
    return PresentationView.of(presentation)


@router.get("")
async def list_presentations(
    owner: Owner,
    service: ListService,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> PresentationPage:
    """List your presentations, the newest first."""
    after = decode_cursor(cursor) if cursor is not None else None
    found, more = await service.page(owner, limit, after)
    return PresentationPage(
        items=[PresentationView.of(presentation) for presentation in found],
        next_cursor=(encode_cursor(Position(found[-1].created_at, found[-1].id)) if more else None),
    )


@router.get("/{presentation_id}", responses=_NOT_FOUND)
async def get_presentation(
    presentation_id: UUID, owner: Owner, service: RecordService
) -> PresentationView:
    """Show one presentation."""
    return PresentationView.of(await service.get(presentation_id, owner))


@router.get(
    "/{presentation_id}/download",
    response_class=StreamingResponse,
    responses={200: {"content": {CONTENT_TYPE: {}}}, **_NOT_FOUND},
)
async def download_presentation(
    presentation_id: UUID, owner: Owner, service: FileService
) -> StreamingResponse:
    """Send the .pptx file."""
    presentation, file = await service.download(presentation_id, owner)
    return StreamingResponse(
        _cut_off_on_failure(file.chunks),
        media_type=CONTENT_TYPE,
        headers={
            "Content-Length": str(file.size_bytes),
            "Content-Disposition": content_disposition(presentation.title),
            # Nothing a caller wrote may ever be taken for a page of this origin.
            "X-Content-Type-Options": "nosniff",
        },
    )


@router.delete("/{presentation_id}", status_code=204, responses=_NOT_FOUND)
async def delete_presentation(presentation_id: UUID, owner: Owner, service: FileService) -> None:
    """Delete a presentation and its file."""
    await service.delete(presentation_id, owner)


def endpoints() -> list[str]:
    """Return the names of the endpoints, which failures are counted under."""
    return [route.name for route in router.routes if isinstance(route, APIRoute)]


async def _cut_off_on_failure(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            yield chunk
    except UnavailableError as error:
        # Too late for a 503. The announced length makes the answer recognisably incomplete.
        metrics.FAILURES.labels("download_presentation", error.dependencies[0]).inc()
        log.warning("download_cut_off", reason=error.reason)
        raise CutOffError from error


def content_disposition(title: str) -> str:
    """Name the file after its title, for old clients and new, and keep the title in its quotes."""
    speakable = re.sub(r"[\x00-\x1f\x7f/\\:*?\"<>|]+", " ", title)
    name = " ".join(speakable.split()).strip(" .") or "presentation"
    plain = re.sub(r"[^A-Za-z0-9 ._-]+", "_", name)
    return f"attachment; filename=\"{plain}.pptx\"; filename*=UTF-8''{quote(name, safe='')}.pptx"


def encode_cursor(position: Position) -> str:
    """Turn a place in the list into something to pass through a URL."""
    text = f"{position.created_at.isoformat()}|{position.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Position:
    """Turn it back, or raise `InvalidCursorError`."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created_at, _, presentation_id = (
            base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
            .decode("ascii")
            .partition("|")
        )
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None:
            raise InvalidCursorError
        # At either end of the calendar, some times with a zone have none in UTC, and the database
        # driver would stumble over them.
        return Position(moment.astimezone(UTC), UUID(presentation_id))
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidCursorError from None
