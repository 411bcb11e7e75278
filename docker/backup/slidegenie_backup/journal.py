"""How far a restore has come, on the disk: what a program that was killed leaves to the one that comes next."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from .files import read_json, write_whole


class State(StrEnum):
    """What may be in use, and where it goes from there."""

    PREPARED = "prepared"
    """What was before; only its database may lack the name. Nothing is left to put back."""
    SWAPPING = "swapping"
    """Some of each, or what was restored and is not wanted: what was before is put back."""
    COMMITTED = "committed"
    """What was restored. Once its database has the name it may be written to, and stays unless it is abandoned."""
    KEPT = "kept"
    """What was restored, for good: what was before is removed."""


class Journal:
    """The file that says so, in the folder of the one restore that can be under way."""

    def __init__(self, work: Path) -> None:
        self.folder = work / "restore"
        self._file = self.folder / "journal.json"

    @property
    def state(self) -> State | None:
        """How far it has come; `None` when no restore is under way."""
        noted = self.read()
        return State(noted["state"]) if noted else None

    def read(self) -> dict[str, Any]:
        """Return what was noted at the beginning; nothing when no restore is under way."""
        return read_json(self._file) or {}

    def begin(self, parts: list[str], folder: Path) -> None:
        """Note that these parts of the snapshot in `folder` can take the place of what is in use."""
        self._write({"state": State.PREPARED, "parts": parts, "folder": str(folder)})

    def note(self, state: State) -> None:
        """Note how far it has come."""
        self._write(self.read() | {"state": state})

    def _write(self, content: dict[str, Any]) -> None:
        write_whole(self._file, json.dumps(content))
