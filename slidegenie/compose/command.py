"""`docker compose` on one file: a command at a time on a stack, and only those builds that are due."""

import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..console import Problem, echo, info
from ..engine.docker import image_id, last_line
from ..plan.view import base_images
from ..user_folder import write_private


@dataclass(frozen=True)
class ComposeCommand:
    """Runs `docker compose` on a file."""

    file: Path
    root: Path
    """Where its relative paths start."""
    environment: Mapping[str, str]
    """The variables that it names."""
    held: Sequence[int] = ()
    """Open files that each command keeps open while it runs, also when this program is gone."""

    def run(self, *args: str) -> None:
        """Run a command and print what it has made, started or removed.

        Raises:
            Problem: when it fails, with the last lines that it printed.
        """
        with subprocess.Popen(  # noqa: S603 - no shell
            self._command(*args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self._options()
        ) as started:
            said = []
            for line in started.stdout or ():
                said.append(line.rstrip())
                if _worth_telling(line):
                    echo(f"    {line.strip()}")
        if started.returncode != 0:
            raise Problem("docker compose failed:\n" + "\n".join(f"  {line}" for line in said[-15:]))

    def hashes(self) -> dict[str, str]:
        """Return what Compose writes on the containers of each service, to see whether its section has changed.

        Raises:
            Problem: when Compose does not take the file.
        """
        done = subprocess.run(  # noqa: S603 - no shell
            self._command("config", "--hash", "*"), capture_output=True, check=False, **self._options()
        )
        if done.returncode != 0:
            raise Problem(f"docker compose config: {last_line(done.stderr)}")
        return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())

    def _command(self, *args: str) -> list[str]:
        place = ["--file", str(self.file), "--project-directory", str(self.root)]
        return ["docker", "compose", "--ansi", "never", "--progress", "plain", *place, *args]

    def _options(self) -> dict[str, Any]:
        return {"env": os.environ | self.environment, "text": True, "pass_fds": self.held}


def _worth_telling(line: str) -> bool:
    """Leave out what Compose repeats: one line when something was made, started, healthy or removed is enough."""
    return any(word in line for word in ("Created", "Healthy", "Exited", "Removed", "Built", "rror"))


@contextmanager
def alone(folder: Path) -> Iterator[int]:
    """Wait until nobody else works on the stack of `folder`, and keep others waiting meanwhile.

    Yields the open file that keeps them waiting. Whatever holds it too, such as a Compose that goes on after this
    program was killed, keeps them waiting until its own end.
    """
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            info("another command works on this stack: waiting for its end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


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
