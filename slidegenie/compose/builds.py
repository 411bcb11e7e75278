"""Which images of a Compose project have to be built.

Compose builds each time, once per service, and two builds of one source may give two images (BuildKit 0.8 picks one of
several equal cache records). An `up` after which nothing changed must not replace a container, so a build whose
sources and settings are those of the last one, and whose image is still there, is left out.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..engine.docker import image_id
from ..plan.view import base_images
from ..private_files import write_private

_NEVER_IN_A_LAYER = {".git", ".venv", "__pycache__", "node_modules"}


class ComposeBuilds:
    """The builds of a Compose file's `services`, whose paths start at `root`; remembers in `record` what was built."""

    def __init__(self, services: Mapping[str, dict[str, Any]], root: Path, record: Path) -> None:
        self._record = record
        # One service per image: services that share one would build it at the same time under one name.
        builds = {s["image"]: (name, s["build"]) for name, s in services.items() if "build" in s}
        self._services = {image: name for image, (name, _) in builds.items()}
        # Before the build: what is edited while it runs is not in it.
        self._sources = {image: _sources(root, build) for image, (_, build) in builds.items()}

    def due(self) -> list[str]:
        """Return one service for each image that has to be built."""
        known = json.loads(self._record.read_text(encoding="utf-8")) if self._record.is_file() else {}
        now = self._now()
        return [service for image, service in self._services.items() if known.get(image) != now[image]]

    def done(self) -> None:
        """Remember that every image is built from what there was."""
        write_private(self._record, json.dumps(self._now(), indent=1), mode=0o600)

    def _now(self) -> dict[str, list[str]]:
        return {image: [sources, image_id(image)] for image, sources in self._sources.items()}


def _sources(root: Path, build: dict[str, Any]) -> str:
    listing = sorted(_files(root / build["context"]))
    based_on = [image_id(base) for base in base_images(build.get("args"))]
    return hashlib.sha256(json.dumps([build, listing, based_on], sort_keys=True).encode()).hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield path, size and time of each file, as `make` would compare them: contexts may be large."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NEVER_IN_A_LAYER]
        for name in names:
            status = (Path(place) / name).lstat()
            yield str((Path(place) / name).relative_to(folder)), status.st_size, status.st_mtime_ns
