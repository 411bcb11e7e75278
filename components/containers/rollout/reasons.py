"""Why a container is not healthy: its last log lines and what its health check said."""

import re
from collections.abc import Iterable, Sequence

from ...core.docker_command import docker
from ...core.engine import DockerEngine
from .found import FoundContainer, found_containers

_LOG_LINES = 12
_CHECK_LINES = 3
_PORT_TAKEN = re.compile(r"Bind for \S*?:(\d+) failed: port is already allocated|listen \w+ \S*?:(\d+): bind: address")


def explain(engine: DockerEngine, container: FoundContainer) -> list[str]:
    """Return lines that tell a person why `container` is not healthy."""
    code = container.state.get("ExitCode")
    state = f"{container.health}, with exit code {code}" if code else container.health
    lines = [f"{container.service} ({container.id[:12]}) is {state}"]
    checks = (container.state.get("Health") or {}).get("Log") or []
    if checks and (said := checks[-1].get("Output", "").strip()):
        lines += ["  its health check said:", *(f"    {line}" for line in said.splitlines()[-_CHECK_LINES:])]
    if container.state.get("OOMKilled"):
        lines.append("  it was killed for using more memory than its limit")
    printed = docker(engine, "logs", "--tail", str(_LOG_LINES), container.id)
    if text := (printed.stdout + printed.stderr).strip():
        lines += ["  its last log lines:", *(f"    {line}" for line in text.splitlines()[-_LOG_LINES:])]
    return lines


def port_holders(engine: DockerEngine, errors: Iterable[str]) -> list[str]:
    """Return a line for each port that `errors` say is taken: who has it."""
    taken = [found.group(1) or found.group(2) for error in errors for found in _PORT_TAKEN.finditer(error)]
    lines = []
    for port in dict.fromkeys(taken):
        named = docker(engine, "ps", "--filter", f"publish={port}", "--format", "{{.Names}}").stdout.split()
        who = f"container {named[0]}" if named else "a program that is no container"
        lines.append(f"port {port} of {engine.host} is taken by {who}: end it, or choose another port in the settings")
    return lines


def what_serves_on(others: Iterable[FoundContainer]) -> str | None:
    """Return a sentence about the healthy ones among the containers of an old release; `None` when none is."""
    serving = sum(other.healthy for other in others)
    return f"The old release serves on ({serving} healthy containers)." if serving else None


def what_serves(service: str, others: Sequence[FoundContainer], *, rolling: bool) -> str:
    """Return a line that says what users of `service` have now, and the ways out."""
    if serving := what_serves_on(others):
        return (
            f"{serving} Fix the cause and run the same command again, or go back with `make rollback`: the next good"
            " rollout cleans up."
        )
    if rolling:
        return f"Nothing serves {service}: it is down. Fix the cause and run the same command again."
    return (
        f"{service} is down: what holds a port or data ends before its successor starts. Fix the cause, or put back"
        " what was changed, and run the same command again."
    )


def newest_of(engine: DockerEngine, resource: str, *labels: str) -> tuple[FoundContainer | None, list[FoundContainer]]:
    """Return the container that was made last for `resource`, and all others of its service."""
    found = found_containers(engine, *labels)
    own = sorted((c for c in found if c.resource == resource), key=lambda c: str(c.inspected["Created"]))
    newest = own[-1] if own else None
    return newest, [c for c in found if newest and c.service == newest.service and c.id != newest.id]
