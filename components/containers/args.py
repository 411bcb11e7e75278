"""What a workload can say about itself. Hardening is not among it: that is the same for all."""

import enum
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from ..settings import Limits
from ..settings.addresses import LAST_PORT
from .foundation import Foundation, Zone
from .volumes import Files, PreparedVolume

_SERVICE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_service(service: str) -> None:
    """Refuse a name that is no host name on the networks.

    Raises:
        ValueError: saying what is allowed.
    """
    if not _SERVICE.fullmatch(service):
        raise ValueError(
            f"service must be 1 to 63 lower-case letters, digits and dashes, like reports-api; got {service!r}"
        )


def check_port(service: str, what: str, port: Any) -> None:
    """Refuse what is no TCP port; `true` would be port 1.

    Raises:
        ValueError: naming the service.
    """
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= LAST_PORT:
        raise ValueError(f"{service}: {what} must be a whole number from 1 to {LAST_PORT}; got {port!r}")


class Rollout(enum.Enum):
    """In which order an old and a new container change places."""

    ROLLING = "rolling"
    """The new one first; the old one goes when the new one is healthy. No published port, no data of its own."""
    RECREATE = "recreate"
    """The old one goes first: for what holds a port or data that only one may hold."""


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """The command that tells whether a container is healthy."""

    command: Sequence[str]
    """Program and arguments, run inside the container without a shell."""
    interval_seconds: float = 5
    """Time between two runs."""
    timeout_seconds: float = 3
    """A run that takes longer has failed."""
    retries: int = 3
    """Failures in a row that make the container unhealthy."""
    start_period_seconds: float = 30
    """Failures do not count during this time after the start."""


@dataclass(frozen=True, kw_only=True)
class FilesMount:
    """Immutable files and where the container sees them."""

    files: Files
    """The files."""
    path: str
    """Folder in the container."""


@dataclass(frozen=True, kw_only=True)
class VolumeMount:
    """A volume and where the container sees it."""

    volume: PreparedVolume
    """The volume."""
    path: str
    """Folder in the container."""
    read_only: bool = False
    """Whether the container may only read it."""


@dataclass(frozen=True, kw_only=True)
class HostMount:
    """A file or folder of the Docker host.

    For the source tree in development, the engine's socket and what cAdvisor reads, nothing else.
    """

    host_path: str
    """Absolute path on the Docker host."""
    path: str
    """Path in the container."""


@dataclass(frozen=True, kw_only=True)
class PublishedPort:
    """A port of the container, published on the Docker host."""

    internal: int
    """Port in the container."""
    external: int
    """Port on the host."""
    address: str = "127.0.0.1"
    """Address of the host it is published on."""


@dataclass(frozen=True, kw_only=True)
class ContainerArgs:
    """What jobs and servers have in common."""

    foundation: Foundation
    """The stack's foundation."""
    service: str
    """Name people use: `docker compose logs <service>`, and the host name on the networks."""
    image: pulumi.Input[str]
    """What runs: an image ID or `name@sha256:...`."""
    zones: Sequence[Zone]
    """Networks it joins, where others find it under `service`; none at all for an empty list."""
    limits: Limits
    """Memory, CPU and process limits."""
    entrypoint: Sequence[str] | None = None
    """Program in place of the image's entry point. Default: the image's own."""
    command: Sequence[pulumi.Input[str]] | None = None
    """Arguments to the image's entry point. Default: the image's own."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Environment variables; never a secret."""
    files: Sequence[FilesMount] = ()
    """Configuration and secrets."""
    volumes: Sequence[VolumeMount] = ()
    """Volumes."""
    host_mounts: Sequence[HostMount] = ()
    """Paths of the Docker host, mounted read-only."""
    tmpfs_mib: Mapping[str, int] = field(default_factory=lambda: {"/tmp": 16})  # noqa: S108 - a folder of the container
    """Writable folders in memory with their size in MiB; they count against the memory limit."""
    groups: Sequence[pulumi.Input[str]] = ()
    """Numeric groups the process joins besides its own."""
    labels: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Further labels."""
    after: Sequence[pulumi.Resource] = ()
    """What must be there before it starts, such as a database."""
    grace_seconds: int = 10
    """How long the container may take to stop before it is killed."""
    host_name: str | None = None
    """Name it has for itself, for programs that write it down. Default: the first digits of its ID."""
    root_reason: str | None = None
    """Why it has to be root, which becomes a label that people and policies can see. Everything else stays: no
    capability, a read-only root, no new privileges. Default: it does not have to, and is user 1000."""

    def __post_init__(self) -> None:
        check_service(self.service)
        for name in self.environment:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"{self.service}: environment must have names like LOG_LEVEL; got {name!r}")
        mounts: list[FilesMount | VolumeMount | HostMount] = [*self.files, *self.volumes, *self.host_mounts]
        paths = [*(mount.path for mount in mounts), *self.tmpfs_mib]
        for path in paths:
            if not path.startswith("/") or path == "/" or posixpath.normpath(path) != path:
                raise ValueError(f"{self.service}: a mount needs a path from the root, like /app/uploads; got {path!r}")
            if paths.count(path) > 1:
                raise ValueError(f"{self.service}: two mounts are at {path}; move one of them")

    def prepared(self) -> list[PreparedVolume]:
        """Return the volumes it mounts."""
        return [mount.files for mount in self.files] + [mount.volume for mount in self.volumes]


@dataclass(frozen=True, kw_only=True)
class ServerArgs(ContainerArgs):
    """A workload that runs until it is told to stop."""

    health: HealthCheck
    """How to tell that it works. A rollout waits for it."""
    start_seconds: int = 90
    """A new container that is not healthy after this time has failed, and so has the rollout."""
    replicas: int = 1
    """Containers."""
    rollout: Rollout = Rollout.RECREATE
    """Order of replacement."""
    surge: int = 2
    """Containers that start together in a rollout, and at most so many above `replicas` that run at a time. More is
    faster, and needs memory for as many more."""
    ports: Sequence[PublishedPort] = ()
    """Ports published on the host."""
    shm_mib: int = 64
    """Size of `/dev/shm` in MiB."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for published in self.ports:
            check_port(self.service, "a port in the container", published.internal)
            check_port(self.service, "a port of the host", published.external)
        if self.replicas < 1:
            raise ValueError(
                f"{self.service}: replicas must be at least 1; got {self.replicas}, leave the workload out to run none"
            )
        if self.surge < 1:
            raise ValueError(f"{self.service}: surge must be at least 1; got {self.surge}")
        if self.rollout is Rollout.ROLLING and self.ports:
            raise ValueError(
                f"{self.service}: a rolling workload cannot publish a port, the new container could not bind it;"
                " route to it through the proxy, or use Rollout.RECREATE"
            )
        if self.rollout is Rollout.RECREATE and self.replicas > 1:
            raise ValueError(
                f"{self.service}: replicas need Rollout.ROLLING; got {self.replicas} with Rollout.RECREATE"
            )
