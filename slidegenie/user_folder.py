"""What the commands keep between runs: outside of the checkout, so that deleting it orphans nothing."""

import json
import os
import secrets
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from .console import info
from .runner import RunnerKind

_FIRST_PROJECT = "slidegenie"
"""Was the only one there is; what is kept of it lies in the folder itself."""


@dataclass(frozen=True)
class UserFolder:
    """The folder `~/.slidegenie`, or the one in `SLIDEGENIE_HOME`; readable by its owner only."""

    path: Path
    """The folder itself: of the engine that was started here, and of the passphrase."""
    project: str = _FIRST_PROJECT
    """The Pulumi project whose stacks are meant: those of another one may have the same names."""

    @classmethod
    def open(cls) -> Self:
        """Return the folder, made when it is missing."""
        path = Path(os.environ.get("SLIDEGENIE_HOME") or Path.home() / ".slidegenie")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(path)

    def of_project(self, project: str) -> Self:
        """Return the same for the stacks of a project."""
        return replace(self, project=project)

    @property
    def stacks(self) -> Path:
        """The folder of what is kept of the project's stacks."""
        return self.path if self.project == _FIRST_PROJECT else self.path / "projects" / self.project

    def folder(self, *parts: str) -> Path:
        """Return a folder of the project's below, made when it is missing."""
        path = self.stacks.joinpath(*parts)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def passphrase_file(self) -> Path:
        """Return the file with the passphrase of the secrets, generated once."""
        path = self.path / "passphrase"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32), mode=0o600)
            info(f"generated the passphrase of the secrets: {path} (keep a copy: without it the state cannot be read)")
        return path

    def remember(self, stack: str, runner: RunnerKind) -> None:
        """Note that `stack` was brought up, and by what."""
        runners = self._runners()
        # The last one is the current one.
        runners.pop(stack, None)
        self._note(runners | {stack: runner})

    def forget(self, stack: str) -> None:
        """Forget a stack that is gone."""
        runners = self._runners()
        if runners.pop(stack, None):
            self._note(runners)

    def current(self) -> str | None:
        """Return the stack that was brought up last, or `None`."""
        return next(reversed(self._runners()), None)

    def runner(self, stack: str) -> RunnerKind | None:
        """Return what brought `stack` up, or `None`."""
        return self._runners().get(stack)

    def _runners(self) -> dict[str, RunnerKind]:
        try:
            noted: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {stack: RunnerKind(runner) for stack, runner in noted.items()}

    def _note(self, runners: dict[str, RunnerKind]) -> None:
        self.folder()
        write_private(self._file, json.dumps(runners, indent=1), mode=0o600)

    @property
    def _file(self) -> Path:
        return self.stacks / "stacks.json"


def private_folder(path: Path) -> None:
    """Make `path`, and keep everybody else out of it even where it was there before."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def write_private(path: Path, text: str, *, mode: int) -> None:
    """Write `text` to `path`. A file that has it already stays the same file: a container may have it mounted."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        path.chmod(mode)
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
