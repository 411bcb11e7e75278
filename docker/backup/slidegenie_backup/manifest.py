"""What a snapshot must contain, written when it is made: what a restore is held against."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import rdb
from .files import read_json, sha256
from .objects import Stored, file_of, read_index
from .problems import Problem

FORMAT = 1
NAME, DUMP, SNAPSHOT, INDEX, FOLDER = "manifest.json", "postgres.dump", "redis.rdb", "objects.jsonl", "objects"


@dataclass(frozen=True)
class Manifest:
    """A folder with what was backed up, and what it must contain."""

    folder: Path
    """Where the files are."""
    content: dict[str, Any]
    """The manifest itself."""

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a restored snapshot.

        Raises:
            Problem: when there is none, or one of another time.
        """
        content = read_json(folder / NAME)
        if content is None:
            raise Problem("the snapshot has no manifest: it is not one of ours, or not whole")
        if content.get("format") != FORMAT:
            raise Problem(f"the snapshot's manifest has format {content.get('format')}, this program reads {FORMAT}")
        return cls(folder, content)

    def parts(self) -> list[str]:
        """Return what was backed up: postgres, redis, objects."""
        return [part for part in ("postgres", "redis", "objects") if part in self.content]

    def file(self, part: str) -> Path:
        """Return the main file of a part."""
        return self.folder / {"postgres": DUMP, "redis": SNAPSHOT, "objects": INDEX}[part]

    def objects(self) -> list[Stored]:
        """Return the objects."""
        return read_index(self.file("objects"))

    def check(self, parts: list[str]) -> None:
        """Check every file against its checksum.

        Raises:
            Problem: naming the first that is missing or other.
        """
        for part in parts:
            noted, path = self.content[part], self.file(part)
            if not path.is_file():
                raise Problem(f"the snapshot lacks {path.name}")
            if sha256(path) != noted["sha256"]:
                raise Problem(f"{path.name} of the snapshot is not what was backed up: its checksum differs")
            if part == "redis":
                rdb.check(path)
        if "objects" in parts and (wrong := next(self._wrong_objects(), None)):
            raise Problem(wrong)

    def _wrong_objects(self) -> Iterator[str]:
        stored = self.objects()
        if len(stored) != self.content["objects"]["count"]:
            yield f"the snapshot lists {len(stored)} objects instead of {self.content['objects']['count']}"
        for item in stored:
            path = file_of(self.folder / FOLDER, item.sha256)
            if not path.is_file() or sha256(path) != item.sha256:
                yield f"object {item.key} of the snapshot is missing or other than what was backed up"


def described(path: Path, **more: Any) -> dict[str, Any]:
    """Return what the manifest says of a file."""
    return {"sha256": sha256(path), "size": path.stat().st_size, **more}


def write(folder: Path, content: dict[str, Any]) -> None:
    """Write the manifest into the folder it describes."""
    text = json.dumps({"format": FORMAT, **content}, indent=1, sort_keys=True)
    (folder / NAME).write_text(text, encoding="utf-8")
