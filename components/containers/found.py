"""What the engine has of a stack; Pulumi's state says what was made, and not what became of it, nor why."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.engine import DockerEngine, EngineError, docker
from ..core.labels import CONFIG_LABEL, ROLE_LABEL, SERVICE_LABEL

_RESOURCE = re.compile(r"(?P<resource>.+)-[0-9a-f]{7}")
"""Pulumi puts seven random digits behind the name of a resource."""


@dataclass(frozen=True)
class FoundContainer:
    """One container, as `docker inspect` has it."""

    inspected: Mapping[str, Any]
    """What the engine said."""

    @property
    def id(self) -> str:
        """Its ID."""
        return str(self.inspected["Id"])

    @property
    def resource(self) -> str:
        """Name of the resource it was made for."""
        name = str(self.inspected["Name"]).lstrip("/")
        named = _RESOURCE.fullmatch(name)
        return named.group("resource") if named else name

    @property
    def service(self) -> str:
        """Name of its service."""
        return str(self.labels.get(SERVICE_LABEL, self.resource))

    @property
    def role(self) -> str:
        """`server`, `job` or `seed`."""
        return str(self.labels.get(ROLE_LABEL, ""))

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.inspected["Config"]["Labels"] or {}

    @property
    def config(self) -> str:
        """What it was made from, with the mark of the attempt."""
        return self.labels.get(CONFIG_LABEL, "")

    @property
    def state(self) -> Mapping[str, Any]:
        """Its state."""
        state: Mapping[str, Any] = self.inspected["State"]
        return state

    @property
    def running(self) -> bool:
        """Whether it runs, or is started again and again."""
        return self.state["Status"] in ("running", "restarting", "paused")

    @property
    def health(self) -> str:
        """`healthy`, `unhealthy`, `starting`, or its status where it has no health check or does not run."""
        checked = (self.state.get("Health") or {}).get("Status")
        return str(checked if checked and self.state["Running"] else self.state["Status"])

    @property
    def healthy(self) -> bool:
        """Whether its health check says so."""
        return self.health == "healthy"

    @property
    def succeeded(self) -> bool:
        """Whether it ran to its end, with exit code 0."""
        return bool(self.state["Status"] == "exited" and self.state["ExitCode"] == 0)

    @property
    def networks(self) -> frozenset[str]:
        """Names of the networks it is on; none for one without."""
        if self.inspected["HostConfig"]["NetworkMode"] == "none":
            return frozenset()
        return frozenset(self.inspected["NetworkSettings"]["Networks"])

    @property
    def stop_seconds(self) -> int:
        """How long it may take to stop."""
        return int(self.inspected["Config"].get("StopTimeout") or 10)


def found_containers(engine: DockerEngine, *labels: str) -> list[FoundContainer]:
    """Return the containers on `engine` that carry all of `labels`, those too that do not run.

    Raises:
        EngineError: when the engine does not answer.
    """
    filters = [part for label in labels for part in ("--filter", f"label={label}")]
    listed = docker(engine, "ps", "--all", "--quiet", "--no-trunc", *filters)
    if listed.returncode != 0:
        raise EngineError(f"the containers of {engine.address} cannot be listed: {listed.stderr.strip()}")
    return inspected(engine, listed.stdout.split())


def inspected(engine: DockerEngine, ids: Sequence[str]) -> list[FoundContainer]:
    """Return what `engine` has under these IDs; one that went meanwhile is left out."""
    if not ids:
        return []
    said = docker(engine, "inspect", "--type", "container", *ids).stdout
    return [FoundContainer(item) for item in json.loads(said or "[]")]


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
