"""Run the tools, and say what they said when they fail."""

import os
import subprocess
from collections.abc import Mapping, Sequence

from .problems import Problem


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, *, task: str) -> str:
    """Run `command` with `environment` besides our own and return what it printed.

    Raises:
        Problem: when it fails; `task` says in a person's words what did not work.
    """
    done = subprocess.run(  # noqa: S603 - no shell
        command, env=os.environ | (environment or {}), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Problem(f"{task}: {last_words(done.stderr or done.stdout)} ({command[0]} ended with {done.returncode})")
    return done.stdout


def last_words(text: str, lines: int = 3) -> str:
    """Return the last lines that say something, as one."""
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(said[-lines:]) or "no output"
