"""When each task last succeeded, kept between runs and told to the monitoring."""

import enum
import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from .stack_file import StackRecord


class Task(enum.Enum):
    """Something that is done now and then; the value is the name of its command."""

    SCAN = "scan"
    CLEAN = "clean"
    FRESHNESS = "freshness"


class Ledger(StackRecord):
    """The tasks of one stack."""

    def succeeded(self, task: Task) -> None:
        """Note that a task did all it was asked to, just now."""
        self._note("succeeded", {task.value: time.time()})

    def scanned(self, when: Mapping[str, float]) -> dict[str, float]:
        """Note when images were scanned; return it for all of `when`, with an earlier scan of those that failed now.

        A time of 0 says that there was none: an image that was never scanned must not look like one that need not be.
        """
        earlier = self.read().get("scanned", {})
        known = {image: at or earlier.get(image, 0.0) for image, at in when.items()}
        self._replace("scanned", known)
        return known

    def scheduled(self, seconds: Mapping[Task, int]) -> None:
        """Note how often each task is to run from now on; none at all when there is no schedule any more."""
        self._replace("every", {task.value: float(every) for task, every in seconds.items()})
        self._replace("since", {task.value: time.time() for task in seconds})

    def metrics(self) -> CollectorRegistry:
        """Return all of it as metrics."""
        noted, told = self.read(), CollectorRegistry()
        for part, name, about in (
            ("succeeded", "last_success_timestamp_seconds", "When the task last did all it was asked to."),
            ("since", "scheduled_timestamp_seconds", "Since when the task is scheduled."),
            ("every", "interval_seconds", "How often the task is to run."),
        ):
            gauge = Gauge(f"slidegenie_maintenance_{name}", about, ["task"], registry=told)
            for task, value in noted.get(part, {}).items():
                gauge.labels(task).set(value)
        return told

    def _note(self, part: str, values: Mapping[str, float]) -> None:
        self._replace(part, {**self.read().get(part, {}), **values})

    def _replace(self, part: str, values: Mapping[str, float]) -> None:
        self.write(self.read() | {part: dict(values)})
