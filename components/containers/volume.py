"""Volumes: data that outlives every container, and what they have in common with volumes of files."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_docker as docker

from ..core.former_parent import formerly_below
from ..core.labels import DATA_LABEL, compose_project, stack_labels
from .foundation import Foundation

_ROLE = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
"""It names a folder below `data_root`, and nothing above."""


class PreparedVolume(docker.Volume):
    """A volume that is given its owner and its files before anything mounts it.

    The first workload that mounts it has it prepared, together with all else that it is the first to mount.
    """

    files: Mapping[str, pulumi.Input[str]] | None
    """What is put into it, content by name; `None` for data."""
    seeds: list[pulumi.Resource]
    """The containers that have prepared it. Whoever mounts the volume depends on them."""

    def __init__(
        self,
        resource_name: str,
        labels: Mapping[str, pulumi.Input[str]],
        *,
        files: Mapping[str, pulumi.Input[str]] | None,
        opts: pulumi.ResourceOptions,
        **rest: Any,
    ) -> None:
        self.files, self.seeds = files, []
        listed = [
            docker.VolumeLabelArgs(label=label, value=value) for label, value in {**stack_labels(), **labels}.items()
        ]
        super().__init__(resource_name, labels=listed, opts=opts, **rest)


@dataclass(frozen=True, kw_only=True)
class DataVolumeArgs:
    """What a data volume is for and where it lives."""

    foundation: Foundation
    """The stack's foundation."""
    role: str
    """What it holds, such as `postgres`; names the volume and the folder below `data_root`."""
    data_root: str | None = None
    """Folder on the Docker host; the data is in `<data_root>/<role>`, which must exist. Default: managed by Docker."""
    host_path: str | None = None
    """Folder on the Docker host with this very data, which must exist. Default: as `data_root` has it."""
    locked: bool = False
    """Whether passwords open it which the stack generates: with data from elsewhere the stack would not come up, and is
    refused. Default: whatever is there already is taken over."""
    retained: bool = False
    """Whether the engine keeps the volume when the resource goes or names another place. Default: it goes as well, once
    it is unprotected."""

    def __post_init__(self) -> None:
        if not _ROLE.fullmatch(self.role):
            raise ValueError(f"role must be lower-case letters, digits and dashes, like uploads; got {self.role!r}")


class DataVolume(PreparedVolume):
    """A volume owned by 1000:1000 that Pulumi refuses to delete or replace until it is unprotected.

    Holds its data under a name made of stack and role, so that people find it. Refuses a role that is no plain name.
    """

    def __init__(self, name: str, args: DataVolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        device = args.host_path or (f"{args.data_root}/{args.role}" if args.data_root else None)
        own = pulumi.ResourceOptions(
            protect=True,
            retain_on_delete=args.retained,
            hooks=pulumi.ResourceHookBinding(before_create=[args.foundation.refuse_foreign_data])
            if args.locked
            else None,
        )
        super().__init__(
            name,
            {DATA_LABEL: args.role},
            files=None,
            # A fixed name, so that a person finds the data, and a lost state does not lose it.
            name=f"{compose_project()}-{args.role}{_mark(args.host_path)}",
            driver_opts={"type": "none", "o": "bind", "device": device} if device else None,
            opts=pulumi.ResourceOptions.merge(formerly_below("slidegenie:index:DataVolume", name, opts), own),
        )


def _mark(host_path: str | None) -> str:
    """Tell volumes of one role in several places apart: to Docker another place alone is no other volume."""
    return f"-{hashlib.sha256(host_path.encode()).hexdigest()[:8]}" if host_path else ""
