"""Watches the dependencies, so that requests fail at once during an outage, and not after it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from . import metrics
from .errors import UnavailableError, one_line
from .model import ANSWER_SECONDS, Dependency

INTERVAL_SECONDS = 2.0
SETTLING_PAUSE_SECONDS = 0.2
"""Between the checks of a worker that does not serve yet."""
FAILURES_UNTIL_DOWN = 2
"""One slow answer under load is no outage. Requests that meet a failure report it themselves."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Result:
    """The outcome of one check."""

    latency_seconds: float
    problem: str | None = None


@dataclass
class _State:
    answered_once: bool = False
    failures: int = 0


class Monitor:
    """What is known about each dependency."""

    def __init__(self, dependencies: Sequence[Dependency]) -> None:
        self._dependencies = dependencies
        self._states = {dependency.name: _State() for dependency in dependencies}

    async def settle(self, given_up: Callable[[], bool]) -> None:
        """Check until all have answered once; or, once one is called down, until `given_up`."""
        await self.check_all()
        while self.waiting_for() and not (self._failed() and given_up()):
            await asyncio.sleep(SETTLING_PAUSE_SECONDS)
            await self.check_all()

    async def check_all(self) -> dict[str, Result]:
        """Check all dependencies at once and note the outcome."""
        results = await asyncio.gather(*(self._check(d) for d in self._dependencies))
        return {d.name: result for d, result in zip(self._dependencies, results, strict=True)}

    def waiting_for(self) -> list[str]:
        """Return the dependencies that have not answered since the start."""
        return [name for name, state in self._states.items() if not state.answered_once]

    def down(self) -> list[str]:
        """Return the dependencies that requests should not even try."""
        failed = self._failed()
        return [
            name
            for name, state in self._states.items()
            if name in failed or not state.answered_once
        ]

    def _failed(self) -> list[str]:
        return [n for n, state in self._states.items() if state.failures >= FAILURES_UNTIL_DOWN]

    async def _check(self, dependency: Dependency) -> Result:
        started = time.monotonic()
        problem = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await dependency.check()
        except TimeoutError:
            problem = f"no answer within {ANSWER_SECONDS:g} s"
        except UnavailableError as error:
            problem = error.reason
        except Exception as error:
            # A check that fails in a way nobody thought of must not end the watch.
            log.exception("dependency_check_failed", dependency=dependency.name)
            problem = one_line(error)
        result = Result(time.monotonic() - started, problem)
        self._note(dependency.name, result)
        return result

    def _note(self, name: str, result: Result) -> None:
        state = self._states[name]
        was_down = name in self.down()
        if result.problem is None:
            state.answered_once = True
            state.failures = 0
        else:
            state.failures += 1
        is_down = name in self.down()
        metrics.DEPENDENCY_UP.labels(name).set(result.problem is None)
        metrics.DEPENDENCY_LATENCY.labels(name).set(result.latency_seconds)
        if is_down and (not was_down or state.failures == 1):
            log.warning("dependency_down", dependency=name, reason=result.problem)
        elif was_down and not is_down:
            log.info("dependency_up", dependency=name)
