"""Look for secret values where none may be."""

import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .workspace import docker


def leaks(containers: Iterable[dict[str, Any]], values: Iterable[str]) -> list[str]:
    """Return where one of `values` can be read: environment, command, labels, health check or logs of a container."""
    secret = [value for value in values if value]
    found = []
    for container in containers:
        name = container["Name"]
        for place, text in (("inspect", str(container)), ("logs", _logs(container["Id"]))):
            found += [f"{name}: a secret in its {place}" for value in secret if value in text]
    return found


def leaks_in_image(image: str, values: Iterable[str]) -> list[str]:
    """Return which layer or setting of `image` holds one of `values`."""
    needles = [value.encode() for value in values if value]
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "image.tar"
        docker("save", "--output", str(saved), image)
        return [f"{image}: a secret in {name}" for name, data in _members(saved) if any(n in data for n in needles)]


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file of an image's archive; layers are archives themselves and not compressed by `docker save`."""
    with tarfile.open(archive) as outer:
        for member in outer:
            if member.isfile() and (stream := outer.extractfile(member)) is not None:
                yield member.name, stream.read()


def _logs(identity: str) -> str:
    done = subprocess.run(["docker", "logs", identity], capture_output=True, text=True, check=False, errors="replace")  # noqa: S607
    return done.stdout + done.stderr
