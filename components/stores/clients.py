"""Clients of the data stores: where they find one, and their logins, admitted before a client starts.

A store is never restarted for a new password, and takes the old one and the new one until every client has the new one.
So a rotation is a rollout like any other, and the end of every rollout ends the old login.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from ..containers import ContainerArgs, FilesMount, Job
from ..containers.foundation import Foundation, Zone
from ..containers.volumes import Files, FilesArgs
from ..core.assets import asset
from ..core.labels import LOGIN_LABEL
from ..settings import Limits


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A data store as its clients see it."""

    environment: Mapping[str, pulumi.Input[str]]
    """Environment variables of a client: names, ports, users; nothing secret."""
    secrets: Mapping[str, pulumi.Output[str]]
    """Files of a client by name: what is secret, and what goes with it, such as the certificate that the store is
    trusted by; each is announced by the variable in `secret_variables`."""
    secret_variables: Mapping[str, str]
    """Which variable carries the path of which of these files."""
    ready: tuple[pulumi.Resource, ...] = field(default=())
    """What must be up before a client starts; empty for an external store."""
    administrator: pulumi.Output[str] | None = None
    """Password of the store's own administrator, for jobs of the platform and never for a service. `None` where the
    platform does not run the store, or no job needs it."""


_FOLDER = "/run/secrets"
"""Where the container of the job has its script, and what that reads."""


@dataclass(frozen=True, kw_only=True)
class LoginArgs:
    """Which store, and what its script needs."""

    foundation: Foundation
    """The stack's foundation."""
    store: str
    """Service of the store; its script is `docker/logins/<store>.sh`."""
    image: pulumi.Input[str]
    """An image with a shell and the store's client."""
    secrets: Mapping[str, pulumi.Input[str]]
    """What the script reads and nobody else may, by name. New content runs it again."""
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Files beside the script, by name. Default: none."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """What is not secret. Default: nothing."""
    after: Sequence[pulumi.Resource] = ()
    """The store."""


def login(name: str, args: LoginArgs, parent: pulumi.Resource) -> Job:
    """Return a job that makes sure that the current login is let in; clients wait for it.

    It brings along the mark that it ended the login of before. That one stays valid until the rollout has succeeded:
    replicas of the old release still use it.
    """
    child = pulumi.ResourceOptions(parent=parent)
    script = f"{args.store}.sh"
    content = {script: login_file(script), **args.files, **args.secrets}
    files = Files(f"{name}-secrets", FilesArgs(foundation=args.foundation, files=content), opts=child)
    job = Job(
        name,
        ContainerArgs(
            foundation=args.foundation,
            service=f"{args.store}-login",
            image=args.image,
            zones=[Zone.DATA],
            # MinIO's client was killed at 128.
            limits=Limits(memory_mib=384, pids=64),
            # The images' own entry points are made for servers.
            entrypoint=["sh", f"{_FOLDER}/{script}"],
            command=["admit"],
            environment=args.environment,
            files=[FilesMount(files=files, path=_FOLDER)],
            labels={LOGIN_LABEL: args.store},
            after=args.after,
        ),
        opts=child,
    )
    args.foundation.former_logins.end(name, job.container)
    return job


def login_file(name: str) -> str:
    """Return one of the files in `docker/logins`."""
    return Path(asset("docker", "logins", name)).read_text(encoding="utf-8")
