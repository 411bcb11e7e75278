"""Files for containers whose root is read-only: configuration and secrets, each set in a volume of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from ..core.labels import CONTENT_LABEL
from .foundation import Foundation
from .volume import SEED_PATH, PreparedVolume, seeded, volume_labels


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


class Files(pulumi.ComponentResource):
    """Files that never change: other content is another volume, and the consumer is replaced to use it, unless `live`.

    They are owned by root with mode 0444; only the consumer mounts the volume. Owns that volume and the container which
    fills it and never starts. Refuses names with a folder in them.
    """

    volume: PreparedVolume
    """The volume, to be mounted."""

    def __init__(self, name: str, args: FilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Files", name, None, opts)
        content = pulumi.Output.from_input("live") if args.live else args.foundation.fingerprint(_text(args.files))
        volume = docker.Volume(
            name,
            labels=volume_labels({CONTENT_LABEL: content}),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        )
        self.volume = seeded(f"{name}-seed", args.foundation, volume.name, parent=self, uploads=uploads(args.files))
        self.register_outputs({"volume": volume.name})


def _text(files: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(dict(files)).apply(lambda content: json.dumps(content, sort_keys=True))


def uploads(files: Mapping[str, pulumi.Input[str]]) -> list[docker.ContainerUploadArgs]:
    """Return `files` as uploads into the folder of a seed container.

    Raises:
        ValueError: for a name with a folder in it.
    """
    for file in files:
        if not file or "/" in file:
            raise ValueError(f"a file needs a plain name without folders, like password; got {file!r}")
    return [
        docker.ContainerUploadArgs(file=f"{SEED_PATH}/{file}", content=content, permissions="0444")
        for file, content in sorted(files.items())
    ]
