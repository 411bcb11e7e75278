"""Seeds: containers that are created and never started, and give volumes their owner and their files by that."""

from collections.abc import Iterable, Mapping, Sequence

import pulumi
import pulumi_docker as docker

from ..core.docker_command import docker as docker_command
from ..core.engine import DockerEngine
from ..core.labels import ROLE_LABEL, stack_labels
from .foundation import Foundation
from .rollout.found import FoundContainer
from .volume import PreparedVolume

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
        *("run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
        *("--memory=64m", "--pids-limit=16", f"--mount=type=volume,src={volume},dst={_PATH}"),
        *(str(seeded.inspected["Image"]), "rm", "-f", *(f"{_PATH}/{file}" for file in files)),
    )
