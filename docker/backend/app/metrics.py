"""What Prometheus is told, by any worker for all of them.

Nothing a caller writes becomes a label value: routes are templates, methods a closed set.
"""

import os
from collections.abc import Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from .runtime import METRICS_ENVIRONMENT

_DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter(
    "http_requests", "Requests answered, by route template.", ["method", "route", "status"]
)
REQUEST_SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte of a request to the last one of its answer.",
    ["method", "route"],
    buckets=_DURATIONS,
)
IN_FLIGHT = Gauge(
    "http_requests_in_flight", "Requests being answered now.", multiprocess_mode="livesum"
)

DEPENDENCY_UP = Gauge(
    "slidegenie_dependency_up",
    "Whether the last check of a dependency succeeded, as the worst placed worker sees it.",
    ["dependency"],
    multiprocess_mode="livemin",
)
DEPENDENCY_LATENCY = Gauge(
    "slidegenie_dependency_latency_seconds",
    "How long the last check of a dependency took, the slowest worker's.",
    ["dependency"],
    multiprocess_mode="livemax",
)
FAILURES = Counter(
    "slidegenie_failures",
    "Requests and background jobs that failed, by what they were for and why.",
    ["operation", "reason"],
)

PRESENTATIONS_CREATED = Counter("slidegenie_presentations_created", "Presentations made.")
SLIDES_CREATED = Counter("slidegenie_slides_created", "Slides in the presentations made.")
BYTES_STORED = Counter("slidegenie_stored_bytes", "Bytes of the presentations made.")
GENERATION_SECONDS = Histogram(
    "slidegenie_generation_duration_seconds",
    "Time to build one file, waiting for a free thread included.",
    buckets=(*_DURATIONS, 30),
)
DOWNLOADS = Counter("slidegenie_downloads", "Downloads that were sent completely.")
PRESENTATIONS_DELETED = Counter("slidegenie_presentations_deleted", "Presentations deleted.")
PRESENTATIONS = Gauge(
    "slidegenie_presentations",
    "Presentations kept, by the database.",
    multiprocess_mode="livemostrecent",
)
STORAGE_BYTES = Gauge(
    "slidegenie_storage_bytes",
    "Bytes of the presentations kept, by the database.",
    multiprocess_mode="livemostrecent",
)

WORKER_STARTS = Counter("slidegenie_worker_starts", "Workers started, replacements included.")
BUILD_INFO = Gauge(
    "slidegenie_build_info",
    "Constant 1; its label names the release.",
    ["release"],
    multiprocess_mode="livemax",
)


_REASONS = (
    *("unauthorized", "invalid", "too_large", "internal"),
    *("access", "postgresql", "redis", "s3"),
)
_FURTHER = (
    ("none", "too_large"),
    ("none", "internal"),
    ("create_presentation", "busy"),
    ("create_presentation", "over_quota"),
    ("housekeeping", "internal"),
    ("fill_cache", "redis"),
)


def show_failures(endpoints: Iterable[str]) -> None:
    """Show every known failure, at 0: a counter that begins with its first one does not rise."""
    known = [(endpoint, reason) for endpoint in endpoints for reason in _REASONS]
    for operation, reason in (*known, *_FURTHER):
        FAILURES.labels(operation, reason)


def exposition() -> tuple[bytes, str]:
    """Return the metrics of all workers and their content type."""
    registry = REGISTRY
    if METRICS_ENVIRONMENT in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
