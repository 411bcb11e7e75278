"""Volumes: data that outlives every container, and the seed containers that prepare volumes."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from ..core.labels import DATA_LABEL, ROLE_LABEL, compose_project, stack_labels
from .foundation import Foundation

_ROLE = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
"""It names a folder below `data_root`, and nothing above."""
SEED_PATH = "/volume"
"""Where a seed container mounts the volume it prepares; the seed image has this folder, owned by 1000:1000."""


@dataclass(frozen=True, kw_only=True)
class PreparedVolume:
    """A volume and what must have happened before it is mounted."""

    name: pulumi.Output[str]
    """The volume's name."""
    seed: pulumi.Resource
    """The container that gave it its owner and files. Whoever mounts the volume depends on it."""


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


class DataVolume(pulumi.ComponentResource):
    """A volume owned by 1000:1000 that Pulumi refuses to delete or replace until it is unprotected.

    Owns the data in it, under a name made of stack and role, so that people find it. Refuses a role that is no plain
    name.
    """

    volume: PreparedVolume
    """The volume, to be mounted."""

    def __init__(self, name: str, args: DataVolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:DataVolume", name, None, opts)
        device = args.host_path or (f"{args.data_root}/{args.role}" if args.data_root else None)
        bind = {"type": "none", "o": "bind", "device": device} if device else None
        volume = docker.Volume(
            name,
            # A fixed name, so that a person finds the data, and a lost state does not lose it.
            name=f"{compose_project()}-{args.role}{_mark(args.host_path)}",
            driver_opts=bind,
            labels=volume_labels({DATA_LABEL: args.role}),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=True,
                retain_on_delete=args.retained,
                hooks=pulumi.ResourceHookBinding(before_create=[args.foundation.refuse_foreign_data])
                if args.locked
                else None,
            ),
        )
        self.volume = seeded(f"{name}-seed", args.foundation, volume.name, parent=self)
        self.register_outputs({"name": volume.name})


def _mark(host_path: str | None) -> str:
    """Tell volumes of one role in several places apart: to Docker another place alone is no other volume."""
    return f"-{hashlib.sha256(host_path.encode()).hexdigest()[:8]}" if host_path else ""


def volume_labels(labels: Mapping[str, pulumi.Input[str]]) -> list[docker.VolumeLabelArgs]:
    """Return `labels` and those of the stack, as the provider wants them."""
    return [docker.VolumeLabelArgs(label=label, value=value) for label, value in {**stack_labels(), **labels}.items()]


def seeded(
    name: str,
    foundation: Foundation,
    volume: pulumi.Output[str],
    *,
    parent: pulumi.Resource,
    uploads: Sequence[docker.ContainerUploadArgs] = (),
) -> PreparedVolume:
    """Prepare `volume` through a container that is created and never started.

    Docker gives a new volume the owner of the folder it is mounted on. Files cannot be uploaded into a container with
    a read-only root, not even into a volume; this container has a writable one, no network, and never runs.
    """
    seed = docker.Container(
        name,
        # A new file may be live at once: Traefik watches the folder.
        image=foundation.after_waiting(foundation.seed_image),
        start=False,
        must_run=False,
        network_mode="none",
        mounts=[docker.ContainerMountArgs(type="volume", source=volume, target=SEED_PATH)],
        uploads=list(uploads),
        labels=[
            docker.ContainerLabelArgs(label=label, value=value)
            for label, value in (stack_labels() | {ROLE_LABEL: "seed"}).items()
        ],
        # The provider reports another volume as changed in place: the new one would stay empty, and the old one in use.
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=False, replace_on_changes=["mounts"]),
    )
    return PreparedVolume(name=volume, seed=seed)
