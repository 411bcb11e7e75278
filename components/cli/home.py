"""What the commands keep between runs: outside of the checkout, so that deleting it orphans nothing."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from ..plan.private import write_private
from .console import say


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
        """Note which stack is up, for commands that are not told one."""
        write_private(self.path / "current.json", json.dumps({"stack": stack, "engine": engine}), mode=0o600)

    def forget(self, stack: str) -> None:
        """Forget that `stack` is up."""
        if (noted := self.current()) is not None and noted[0] == stack:
            (self.path / "current.json").unlink()

    def current(self) -> tuple[str, str] | None:
        """Return stack and engine (`pulumi` or `compose`) of the last `up`, or `None`."""
        try:
            noted = json.loads((self.path / "current.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return noted["stack"], noted["engine"]
