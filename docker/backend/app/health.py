"""What the container engine, the proxy and Prometheus ask.

`/health/live` decides whether this replica gets traffic. A dependency outage must not change that:
all replicas would go at once, and instead of a clear answer callers would get none.
"""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from . import metrics
from .state import AppState

router = APIRouter(include_in_schema=False)


def _state(request: Request) -> AppState:
    state: AppState = request.app.state.slidegenie
    return state


@router.get("/")
async def index() -> JSONResponse:
    """Tell whoever opens the port with a browser that it works."""
    return JSONResponse({"service": "slidegenie-backend", "api": "/api/v1/openapi.json"})


@router.get("/health/live")
async def live(request: Request) -> JSONResponse:
    """Fail until every worker was answered by all it needs, and again as soon as we are to stop."""
    state = _state(request)
    if state.runtime.draining:
        return JSONResponse({"status": "draining"}, 503)
    if not state.runtime.started:
        waiting_for = state.monitor.waiting_for() or ["another worker"]
        return JSONResponse({"status": "starting", "waiting_for": waiting_for}, 503)
    return JSONResponse({"status": "live"})


@router.get("/health/ready")
async def ready(request: Request) -> JSONResponse:
    """Check every dependency now; for people and dashboards, and not routed from outside."""
    state = _state(request)
    dependencies: dict[str, dict[str, object]] = {
        name: {"status": "not configured", "missing_settings": settings}
        for name, settings in state.settings.missing().items()
    }
    for name, result in (await state.monitor.check_all()).items():
        dependencies[name] = {
            "status": "up" if result.problem is None else "down",
            "latency_ms": round(result.latency_seconds * 1000, 1),
        }
        if result.problem is not None:
            dependencies[name]["problem"] = result.problem
    healthy = all(d["status"] == "up" for d in dependencies.values())
    is_ready = healthy and not state.runtime.draining
    return JSONResponse(
        {
            "status": "ready" if is_ready else "not ready",
            "release": state.settings.release,
            "dependencies": dependencies,
        },
        200 if is_ready else 503,
    )


@router.get("/metrics")
def scrape() -> Response:
    """Metrics of all workers; a plain function, as reading their files is work for a thread."""
    content, content_type = metrics.exposition()
    return Response(content, media_type=content_type)
