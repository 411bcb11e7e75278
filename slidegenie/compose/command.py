"""`docker compose`, told of one file and nothing else."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..console import Problem, echo
from ..engine.docker import last_line


@dataclass(frozen=True)
class ComposeCommand:
    """Runs `docker compose` on a file."""

    file: Path
    """The Compose file."""
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
