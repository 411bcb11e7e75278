"""Why a container is not healthy: its last log lines and what its health check said."""

from typing import Any

from ..console import warn
from .docker import containers, docker, health, role, service

_LOG_LINES = 12


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
        for line in explain(container):
            warn(line)
    return found


def explain(container: dict[str, Any]) -> list[str]:
    """Return lines that tell a person why `container` is not healthy."""
    code = container["State"].get("ExitCode")
    state = f"{health(container)}, with exit code {code}" if code else health(container)
    lines = [f"{service(container)} ({container['Id'][:12]}) is {state}"]
    checks = (container["State"].get("Health") or {}).get("Log") or []
    if checks and (said := checks[-1].get("Output", "").strip()):
        lines += ["  its health check said:", *(f"    {line}" for line in said.splitlines()[-3:])]
    if container["State"].get("OOMKilled"):
        lines.append("  it was killed for using more memory than its limit")
    printed = docker("logs", "--tail", str(_LOG_LINES), container["Id"], check=False)
    if text := (printed.stdout + printed.stderr).strip():
        lines += ["  its last log lines:", *(f"    {line}" for line in text.splitlines()[-_LOG_LINES:])]
    return lines
