"""Files for containers whose root is read-only: configuration and secrets, each set in a volume of its own."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi

from ..core.former_parent import formerly_below
from ..core.labels import CONTENT_LABEL
from .foundation import Foundation
from .volume import PreparedVolume


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
        check_files(self.files)


class Files(PreparedVolume):
    """Files that never change: other content is another volume, and the consumer is replaced to use it, unless `live`.

    They are owned by root with mode 0444; only the consumer mounts the volume.
    """

    def __init__(self, name: str, args: FilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        content = pulumi.Output.from_input("live") if args.live else args.foundation.fingerprint(_text(args.files))
        own = pulumi.ResourceOptions(delete_before_replace=False)
        super().__init__(
            name,
            {CONTENT_LABEL: content},
            files=args.files,
            opts=pulumi.ResourceOptions.merge(formerly_below("slidegenie:index:Files", name, opts), own),
        )


def _text(files: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(dict(files)).apply(lambda content: json.dumps(content, sort_keys=True))


def check_files(names: Iterable[str]) -> None:
    """Refuse a name with a folder in it.

    Raises:
        ValueError: naming the first of them.
    """
    for name in names:
        if not name or "/" in name:
            raise ValueError(f"a file needs a plain name without folders, like password; got {name!r}")
