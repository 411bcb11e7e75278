"""Volumes: data that outlives every container, and files for containers whose root is read-only."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_docker as docker

from ..core.engine import HARDENED_RUN, DockerEngine
from ..core.engine import docker as docker_command
from ..core.labels import CONTENT_LABEL, DATA_LABEL, ROLE_LABEL, compose_project, formerly_below, stack_labels
from .found import FoundContainer
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


@dataclass(frozen=True, kw_only=True)
class FilesArgs:
    """The files of one consumer."""

    foundation: Foundation
    """The stack's foundation."""
    files: Mapping[str, pulumi.Input[str]]
    """Content by name, without folders. Secret content must be a secret `Output`; it stays encrypted in the state."""
    live: bool = False
    """For a consumer that must not be replaced because its files changed: the volume stays, and the files in it change
    in place. It sees them at its next start; what it must know sooner, somebody tells it. Default: other content is
    another volume."""

    def __post_init__(self) -> None:
        for name in self.files:
            if not name or "/" in name:
                raise ValueError(f"a file needs a plain name without folders, like password; got {name!r}")


class Files(PreparedVolume):
    """Files that never change: other content is another volume, and the consumer is replaced to use it, unless `live`.

    They are owned by root with mode 0444; only the consumer mounts the volume.
    """

    def __init__(self, name: str, args: FilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        text = pulumi.Output.from_input(dict(args.files)).apply(lambda files: json.dumps(files, sort_keys=True))
        content = pulumi.Output.from_input("live") if args.live else args.foundation.fingerprint(text)
        own = pulumi.ResourceOptions(delete_before_replace=False)
        super().__init__(
            name,
            {CONTENT_LABEL: content},
            files=args.files,
            opts=pulumi.ResourceOptions.merge(formerly_below("slidegenie:index:Files", name, opts), own),
        )


_PATH = "/volume"
"""Where a seed mounts the first of its volumes; the seed image has this folder, owned by 1000:1000."""


def prepare(name: str, foundation: Foundation, volumes: Iterable[PreparedVolume], *, parent: pulumi.Resource) -> None:
    """Prepare what nobody has prepared yet of the `volumes` that a workload mounts, in one seed if it can be."""
    due = [volume for volume in dict.fromkeys(volumes) if not volume.seeds]
    data = [volume for volume in due if volume.files is None]
    files = [volume for volume in due if volume.files is not None]
    # The owner comes from the folder of the image, and there is one of those.
    for number, batch in enumerate([[*data[:1], *files], *([volume] for volume in data[1:])]):
        if batch:
            own = f"{name}-{number}-seed" if number else f"{name}-seed"
            seed(own, foundation, {volume: volume.files or {} for volume in batch}, parent=parent)


def seed(
    name: str,
    foundation: Foundation,
    content: Mapping[PreparedVolume, Mapping[str, pulumi.Input[str]]],
    *,
    parent: pulumi.Resource,
) -> None:
    """Put files into volumes through a container that is created and never started.

    Docker gives a new volume the owner of the folder it is mounted on. Files cannot be uploaded into a container with
    a read-only root, not even into a volume; this container has a writable one, no network, and never runs.
    """
    places = [(_PATH if number == 0 else f"{_PATH}-{number}", volume) for number, volume in enumerate(content)]
    container = docker.Container(
        name,
        # A new file may be live at once: Traefik watches the folder.
        image=foundation.after_waiting(foundation.seed_image),
        start=False,
        must_run=False,
        network_mode="none",
        mounts=[docker.ContainerMountArgs(type="volume", source=volume.name, target=place) for place, volume in places],
        uploads=[
            docker.ContainerUploadArgs(file=f"{place}/{file}", content=text, permissions="0444")
            for place, volume in places
            for file, text in sorted(content[volume].items())
        ],
        labels=[
            docker.ContainerLabelArgs(label=label, value=value)
            for label, value in (stack_labels() | {ROLE_LABEL: "seed"}).items()
        ],
        # The provider reports another volume as changed in place: the new one would stay empty, and the old one in use.
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=False, replace_on_changes=["mounts"]),
    )
    for volume in content:
        volume.seeds.append(container)


def remove_files(engine: DockerEngine, seeded: FoundContainer, files: Sequence[str]) -> None:
    """Remove `files` from the first volume of a seed that goes: what it gave a volume stays there without it.

    What cannot be removed now is removed by the next rollout, as long as the seed is there.
    """
    volume = next(mount["Name"] for mount in seeded.inspected["Mounts"] if mount["Destination"] == _PATH)
    docker_command(
        engine,
        *("run", "--rm", "--network=none", *HARDENED_RUN),
        *("--memory=64m", "--pids-limit=16", f"--mount=type=volume,src={volume},dst={_PATH}"),
        *(str(seeded.inspected["Image"]), "rm", "-f", *(f"{_PATH}/{file}" for file in files)),
    )
