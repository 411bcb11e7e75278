"""What the engine has of a stack; Pulumi's state says what was made, and not what became of it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.docker_command import EngineError, docker
from ...core.engine import DockerEngine
from ...core.labels import CONFIG_LABEL, ROLE_LABEL, SERVICE_LABEL

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
