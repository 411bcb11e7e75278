"""What Git says of a working tree."""

import subprocess
from pathlib import Path

UNKNOWN_VERSION = "0.0.0-dev"


def git(root: Path, *args: str) -> str | None:
    """Return what `git ARGS` prints in `root`; `None` when it fails, prints nothing or is not installed."""
    try:
        done = subprocess.run(["git", *args], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        return None
    return (done.stdout.strip() or None) if done.returncode == 0 else None


def git_version(root: Path) -> str:
    """Return the version of the working tree as tags name it, such as `1.4.0-3-gabc1234`; a fixed one without Git."""
    return git(root, "describe", "--tags", "--always", "--dirty") or UNKNOWN_VERSION
