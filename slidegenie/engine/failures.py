"""Which servers and jobs of a stack failed, and why."""

from typing import Any

from components.containers.found import FoundContainer, explain
from components.core.engine import DockerEngine

from ..console import warn
from .docker import containers, health, role


def unhealthy(stack: str) -> list[dict[str, Any]]:
    """Return the stack's servers that are not healthy."""
    return [c for c in containers(stack, everything=True) if role(c) == "server" and health(c) != "healthy"]


def failed_jobs(stack: str) -> list[dict[str, Any]]:
    """Return the stack's jobs that ended with an error."""
    return [c for c in containers(stack, everything=True) if role(c) == "job" and c["State"].get("ExitCode")]


def report(stack: str, *, jobs: bool = False) -> list[dict[str, Any]]:
    """Print why each of the stack's servers that is not healthy is not; return those servers.

    With `jobs` the last lines of jobs that failed are printed too, for an engine that does not do so itself.
    """
    found = unhealthy(stack)
    for container in [*(failed_jobs(stack) if jobs else ()), *found]:
        tell(container)
    return found


def tell(container: dict[str, Any]) -> None:
    """Print why `container` is not healthy."""
    for line in explain(DockerEngine.of(), FoundContainer(container)):
        warn(line)
