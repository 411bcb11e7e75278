"""The image that is looked at: in a registry, or on an engine only."""

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import SupplyChainError
from .tools import Workbench

_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One image."""

    reference: str
    """`name@sha256:...` in a registry; on an engine, its ID or name."""
    pushed: bool
    """Whether it is in a registry."""

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

    def archive(self, bench: Workbench) -> Path:
        """Return the image of an engine as a file: tools then need neither its socket nor to be where it is."""
        file = bench.folder / "image.tar"
        if not file.exists():
            bench.docker("save", "--output", str(file), self.reference)
        return file
