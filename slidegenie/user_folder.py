"""What the commands keep between runs: outside of the checkout, so that deleting it orphans nothing."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from .console import say
from .private_files import write_private


@dataclass(frozen=True)
class Home:
    """The folder `~/.slidegenie`, or the one in `SLIDEGENIE_HOME`; readable by its owner only."""

    path: Path

    @classmethod
    def open(cls) -> "Home":
        """Return the folder, made when it is missing."""
        path = Path(os.environ.get("SLIDEGENIE_HOME") or Path.home() / ".slidegenie")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(path)

    def folder(self, *parts: str) -> Path:
        """Return a folder below, made when it is missing."""
        path = self.path.joinpath(*parts)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def passphrase_file(self) -> Path:
        """Return the file with the passphrase of the secrets, generated once."""
        path = self.path / "passphrase"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32), mode=0o600)
            say(f"generated the passphrase of the secrets: {path} (keep a copy: without it the state cannot be read)")
        return path

    def remember(self, stack: str, engine: str) -> None:
        """Note that `stack` was brought up, and by which engine (`pulumi` or `compose`)."""
        engines = self._engines()
        # The last one is the current one.
        engines.pop(stack, None)
        self._note(engines | {stack: engine})

    def forget(self, stack: str) -> None:
        """Forget a stack that is gone."""
        engines = self._engines()
        if engines.pop(stack, None):
            self._note(engines)

    def current(self) -> str | None:
        """Return the stack that was brought up last, or `None`."""
        return next(reversed(self._engines()), None)

    def engine(self, stack: str) -> str | None:
        """Return the engine (`pulumi` or `compose`) that brought `stack` up, or `None`."""
        return self._engines().get(stack)

    def _engines(self) -> dict[str, str]:
        try:
            engines: dict[str, str] = json.loads(self._stacks.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return engines

    def _note(self, engines: dict[str, str]) -> None:
        write_private(self._stacks, json.dumps(engines, indent=1), mode=0o600)

    @property
    def _stacks(self) -> Path:
        return self.path / "stacks.json"
