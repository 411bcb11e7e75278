"""The image that is looked at: in a registry, or on an engine only."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...settings.references import repository_of
from .errors import SupplyChainError, ToolError
from .tools import Toolset

_NO_PLATFORM = "unknown"
"""What BuildKit writes for statements that lie beside the images. No engine runs such an entry."""
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


@dataclass(frozen=True, kw_only=True)
class CheckedImage:
    """One image."""

    reference: str
    """`name@sha256:...` in a registry; on an engine, its ID or name."""
    pushed: bool
    """Whether it is in a registry."""
    platform: str | None = None
    """For which platform, where it is one of several."""

    def __str__(self) -> str:
        return f"{self.reference} ({self.platform})" if self.platform else self.reference

    @property
    def pinned(self) -> str:
        """Return the reference, which has a digest.

        Raises:
            SupplyChainError: when the reference has none: a tag can mean another image a moment later.
        """
        if _DIGEST.search(self.reference):
            return self.reference
        raise SupplyChainError(
            f"{self.reference} has no digest, and a tag may mean another image tomorrow: write it as name@sha256:..."
        )

    @property
    def digest(self) -> str:
        """Return the digest alone.

        Raises:
            SupplyChainError: when the reference has none.
        """
        return self.pinned.rpartition("@")[2]

    def images(self, bench: Toolset) -> tuple["CheckedImage", ...]:
        """Return the image of each platform: a tool that is given a list of them looks at one, and says nothing of it.

        Raises:
            ToolError: when the registry does not say.
        """
        if not self.pushed:
            return (self,)
        said = bench.docker("buildx", "imagetools", "inspect", "--raw", self.reference)
        try:
            listed = json.loads(said).get("manifests")
            if listed is None:
                return (self,)
            images = tuple(self._of(entry) for entry in listed if entry["platform"]["os"] != _NO_PLATFORM)
        except (ValueError, AttributeError, KeyError, TypeError):
            raise ToolError(f"the manifest of {self.reference} cannot be read; push the image anew") from None
        if not images:
            raise ToolError(f"{self.reference} is a list of no images; push the image anew")
        return images

    def _of(self, entry: dict[str, Any]) -> "CheckedImage":
        platform = entry["platform"]
        names = (platform["os"], platform["architecture"], platform.get("variant"))
        repository = repository_of(self.reference)
        return CheckedImage(
            reference=f"{repository}@{entry['digest']}", pushed=True, platform="/".join(filter(None, names))
        )

    def archive(self, bench: Toolset) -> Path:
        """Return the image of an engine as a file: tools then need neither its socket nor to be where it is."""
        file = bench.folder / "image.tar"
        if not file.exists():
            bench.docker("save", "--output", str(file), self.reference)
        return file
