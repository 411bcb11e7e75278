"""Puts the application together."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from fastapi import FastAPI

from . import api, health, metrics
from .access import Access, Tokens
from .builds import Builds
from .dependencies.connect import connect
from .errors import UnavailableError
from .middleware import LimitedBody, ObservedRequests
from .model import Dependencies
from .monitor import INTERVAL_SECONDS, Monitor
from .problems import add_problem_handlers
from .runtime import Runtime
from .schemas import MAX_BODY_BYTES
from .service import PresentationService
from .settings import Settings
from .state import AppState

TOTALS_INTERVAL_SECONDS = 30.0

log = structlog.get_logger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Create the application of one worker, on the dependencies that the settings name."""
    return build_app(settings, connect(settings), Runtime.of_this_server())


def build_app(settings: Settings, dependencies: Dependencies, runtime: Runtime) -> FastAPI:
    """Create the application on the given dependencies."""
    builds = Builds(settings.build_queue)
    tokens = Tokens(settings.api_tokens_file) if settings.api_tokens_file else None
    state = AppState(
        settings=settings,
        runtime=runtime,
        monitor=Monitor(dependencies.configured()),
        access=Access(tokens, open_to_all=settings.api_open),
        service=_service(dependencies, builds, settings.api_quota_mib * 1024 * 1024),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        metrics.WORKER_STARTS.inc()
        metrics.show_failures(api.endpoints())
        metrics.BUILD_INFO.labels(settings.release).set(1)
        # The workers share one socket, and this one takes nothing from it before this is over: it
        # would refuse requests that its neighbours can answer. Without neighbours a clear refusal
        # is better than none.
        await state.monitor.settle(
            lambda: runtime.draining or not runtime.others_ready(os.getpid())
        )
        background = [asyncio.create_task(_watch(state))]
        if state.service:
            background.append(asyncio.create_task(_keep_house(state.service)))
        yield
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        for dependency in dependencies.configured():
            with suppress(UnavailableError, OSError):
                await dependency.close()
        builds.close()

    app = FastAPI(
        title="SlideGenie",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        # The interactive pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        # A redirect would be built from the Host header, which a caller can choose.
        redirect_slashes=False,
    )
    app.state.slidegenie = state
    add_problem_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(LimitedBody, limit_bytes=MAX_BODY_BYTES)
    app.add_middleware(ObservedRequests)
    app.include_router(health.router)
    api.add_routes(app, state.access)
    return app


def _service(
    dependencies: Dependencies, builds: Builds, quota_bytes: int
) -> PresentationService | None:
    repository, cache, objects = dependencies.repository, dependencies.cache, dependencies.objects
    if repository is None or cache is None or objects is None:
        return None
    return PresentationService(repository, cache, objects, builds, quota_bytes)


async def _watch(state: AppState) -> None:
    """Keep the monitor's knowledge fresh, and note when this worker, or the server, has started."""
    ready = False
    while True:
        if not ready and not state.monitor.waiting_for():
            ready = True
            state.runtime.mark_ready(os.getpid())
            log.info("started")
        await asyncio.sleep(INTERVAL_SECONDS)
        await state.monitor.check_all()


async def _keep_house(service: PresentationService) -> None:
    """Clean up what crashes left behind, and refresh the totals. Every worker does; they share."""
    while True:
        try:
            if removed := await service.remove_leftovers():
                log.info("leftovers_removed", count=removed)
            totals = await service.totals()
            metrics.PRESENTATIONS.set(totals.presentations)
            metrics.STORAGE_BYTES.set(totals.size_bytes)
        except UnavailableError as error:
            # The monitor reports the outage; here it only means "later".
            log.debug("housekeeping_postponed", reason=error.reason)
        except Exception:
            metrics.FAILURES.labels("housekeeping", "internal").inc()
            log.exception("housekeeping_failed")
        await asyncio.sleep(TOTALS_INTERVAL_SECONDS)
