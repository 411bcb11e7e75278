"""A small file for each stack, in the folder of the commands."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..private_files import write_private


@dataclass(frozen=True)
class StackRecord:
    """Notes that are kept between runs."""

    file: Path

    @classmethod
    def of(cls, folder: Path, label: str) -> Self:
        """Return the notes in `folder` on the stack `project/stack`."""
        return cls(folder / f"{label.replace('/', '-')}.json")

    def read(self) -> dict[str, Any]:
        """Return what was noted; nothing where nothing was."""
        try:
            noted: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return noted

    def write(self, noted: dict[str, Any]) -> None:
        """Replace what was noted, whole or not at all."""
        write_private(self.file, json.dumps(noted, indent=2) + "\n", mode=0o600)
