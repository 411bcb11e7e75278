"""What most components are made of beside their containers: images, files and data, each a child of the component."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from ..images.image import PulledImage, PulledImageArgs
from ..settings import ImagesSettings
from .foundation import Foundation
from .volumes import DataVolume, DataVolumeArgs, Files, FilesArgs


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Makes the parts of one component, which are called `<name>-<role>`."""

    name: str
    """Name of the component."""
    foundation: Foundation
    """The stack's foundation."""
    parent: pulumi.Resource
    """The component."""
    images: ImagesSettings = ImagesSettings()
    """The mirror that images come from. Default: each image's own registry."""
    data_root: str | None = None
    """Where the data is, see `DataVolumeArgs.data_root`."""

    def pulled(self, reference: str, role: str | None = None) -> pulumi.Output[str]:
        """Return the ID of a third-party image; without a role it has the component's name."""
        name = f"{self.name}-{role}" if role else self.name
        args = PulledImageArgs(reference=reference, images=self.images)
        return PulledImage(name, args, opts=pulumi.ResourceOptions(parent=self.parent)).id_on_engine

    def files(self, role: str, files: Mapping[str, pulumi.Input[str]], *, live: bool = False) -> Files:
        """Return a volume of files, see `FilesArgs`."""
        args = FilesArgs(foundation=self.foundation, files=files, live=live)
        return Files(f"{self.name}-{role}", args, opts=pulumi.ResourceOptions(parent=self.parent))

    def data(self, holds: str, role: str = "data", **rest: Any) -> DataVolume:
        """Return the volume of what it `holds`; further arguments are those of `DataVolumeArgs`."""
        args = DataVolumeArgs(foundation=self.foundation, role=holds, data_root=self.data_root, **rest)
        return DataVolume(f"{self.name}-{role}", args, opts=pulumi.ResourceOptions(parent=self.parent))
