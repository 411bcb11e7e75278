"""How a stack is recognised: on a Docker host by its Compose project and our own labels, in the state by parents."""

import re

import pulumi

from ..settings.errors import SettingsError

STACK_LABEL = "io.slidegenie.stack"
"""On every container, volume and network: `project/stack`. What carries it and is not in the state is left over."""
ROLE_LABEL = "io.slidegenie.role"
"""On every container: `server`, `job` or `seed`."""
RELEASE_LABEL = "io.slidegenie.release"
"""On containers of a release: its version."""
ROOT_LABEL = "io.slidegenie.root-because"
"""On a container that runs as root: why it has to."""
IMAGE_LABEL = "io.slidegenie.image-of"
"""On an image that a stack built for itself: `project/stack`. Not the label of containers, for they inherit those of
their image, and one that a person starts from it is not the stack's."""
SERVICE_LABEL = "com.docker.compose.service"
"""On every container: the name that people use."""
CONFIG_LABEL = "com.docker.compose.config-hash"
"""On every container but seeds: what it was made from, as a digest, and a mark of the attempt behind it. Compose does
not see a container without it."""
ZONE_LABEL = "io.slidegenie.zone"
"""On a network: which zone of the stack it is."""
CONTENT_LABEL = "io.slidegenie.content"
"""On a volume of files: what they are, or their digest where they are immutable."""
LOGIN_LABEL = "io.slidegenie.login"
"""On a job that admits the current login to a data store: which one. Run again as `retire`, it ends all others."""
DATA_LABEL = "io.slidegenie.data"
"""On a volume of data: what it holds."""
BACKUPS_DATA = "backups"
"""What the volume of the backup repository holds. It is the one that `make destroy` leaves."""
BACKUP_PASSWORD = "-backup-password"  # noqa: S105 - how a name ends
"""How the name of the generated password of that repository ends; it stays with it."""
ENGINE_SOCKET = "/var/run/docker.sock"
"""Where the one container that has the engine's socket sees it, whatever the host calls it."""
PIDS_LABEL = "io.slidegenie.pids-limit"
"""Processes and threads at most. The Docker provider cannot set it, so it travels as a label."""


LONGEST_HOST_NAME = 63
"""Characters of a label in DNS, and so of what a container calls itself."""
_LONGEST_SUFFIX = "-restore-drill"
"""What the longest of these names adds to that of the stack, see `host_name`."""
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")


def compose_project() -> str:
    """Return the name under which `docker compose -p NAME` finds the stack; volumes, tags and hosts begin with it.

    Raises:
        SettingsError: when Compose, or the names that are made of it, would not take it. Another spelling of it is no
            way out: two stacks could have the same one, and would share their data.
    """
    stack = pulumi.get_stack()
    name = f"{pulumi.get_project()}-{stack}"
    most = LONGEST_HOST_NAME - len(_LONGEST_SUFFIX)
    if _PROJECT.fullmatch(name) and len(name) <= most:
        return name
    raise SettingsError(
        f"Pulumi.{stack}.yaml",
        [
            (
                f"the stack's name: must be lower-case letters, digits, - and _, at most {most} characters with the"
                f" project's in front; got {name!r} ({len(name)}), rename the file and the stack"
            )
        ],
    )


def host_name(service: str) -> str:
    """Return what the one container of `service` calls itself, where a program writes it down."""
    return f"{compose_project()}-{service}"


def stack_labels() -> dict[str, str]:
    """Return the labels that mark something as belonging to the current stack."""
    return {STACK_LABEL: f"{pulumi.get_project()}/{pulumi.get_stack()}"}


def formerly_below(kind: str, name: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """Return `opts` of a resource that was the child of a component of type `kind` with the resource's own `name`."""
    former = pulumi.create_urn(name, kind, opts.parent if opts else None)
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=former)]))
