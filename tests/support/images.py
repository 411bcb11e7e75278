"""Look into images: their files, their layers, and containers made of them."""

import contextlib
import hashlib
import json
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .workspace import docker

HARDENED = (
    *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
    *("--tmpfs=/tmp:mode=1777", "--tmpfs=/run/app:mode=1777"),
)
"""How the platform runs every container."""
_OF_THE_CONTAINER = {".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab"}


@dataclass(frozen=True)
class Entry:
    """One file or folder of an image."""

    path: str
    mode: int
    owner: tuple[int, int]
    kind: str
    digest: str
    """Hash of a file's content, else where a link leads."""

    @property
    def name(self) -> str:
        """Name without folders."""
        return self.path.rpartition("/")[2]


def configuration(image: str) -> dict[str, Any]:
    """Return the part of `docker image inspect` that says how the image runs."""
    found: dict[str, Any] = json.loads(docker("image", "inspect", image))[0]["Config"]
    return found


def entries(image: str) -> list[Entry]:
    """Return every file of an image as a container would see it."""
    container = docker("create", image).strip()
    try:
        command = ["docker", "export", container]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE) as export,
            tarfile.open(fileobj=export.stdout, mode="r|") as archive,
        ):
            found = [_entry(archive, member) for member in archive if not _made_by_docker(member.name)]
        assert export.returncode == 0
        return found
    finally:
        docker("rm", container)


@contextlib.contextmanager
def running(image: str, *options: str) -> Iterator[tuple[str, str]]:
    """Run a container of an image for a while; return its ID and the address of its port 8000."""
    container = docker("run", "--detach", "--publish=127.0.0.1::8000", *options, image).strip()
    try:
        address = docker("port", container, "8000/tcp").split()[0]
        yield container, f"http://{address}"
    finally:
        docker("rm", "--force", "--volumes", container)


def health(container: str) -> str:
    """Return what the image's own health check says."""
    return docker("inspect", "--format", "{{.State.Health.Status}}", container).strip()


def eventually(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.3)


def save(image: str, file: Path) -> Path:
    """Write an image into a file, for tools that read it there."""
    docker("save", "--output", str(file), image)
    return file


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    kind = "file" if member.isfile() else "folder" if member.isdir() else "link"
    stream = archive.extractfile(member) if member.isfile() else None
    digest = hashlib.sha256(stream.read()).hexdigest() if stream else member.linkname
    return Entry(member.name, member.mode, (member.uid, member.gid), kind, digest)


def _made_by_docker(path: str) -> bool:
    return path in _OF_THE_CONTAINER or path.split("/", maxsplit=1)[0] in ("dev", "proc", "sys")
