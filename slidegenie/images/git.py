"""What Git says of the code that is built."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from components.settings import OriginSettings

UNKNOWN_VERSION = "0.0.0-dev"


def git_version(root: Path) -> str:
    """Return the version of the working tree as tags name it, such as `1.4.0-3-gabc1234`; a fixed one without Git."""
    return _git(root, "describe", "--tags", "--always", "--dirty") or UNKNOWN_VERSION


def git_origin(root: Path) -> OriginSettings:
    """Return source, commit and date of the working tree, as far as Git knows them."""
    revision = _git(root, "rev-parse", "HEAD")
    changed = "-dirty" if revision and _git(root, "status", "--porcelain", "--untracked-files=no") else ""
    known = {
        "source": _address(_git(root, "config", "--get", "remote.origin.url")),
        "revision": f"{revision}{changed}" if revision else None,
        "created": _git(root, "log", "-1", "--format=%cI"),
    }
    return OriginSettings.model_validate({key: value for key, value in known.items() if value})


def _address(remote: str | None) -> str | None:
    """Return a remote as an address for everybody: a token in it must not end up in a label."""
    if not remote or urlsplit(remote).scheme not in ("http", "https"):
        return None
    parts = urlsplit(remote)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _git(root: Path, *args: str) -> str | None:
    try:
        done = subprocess.run(["git", *args], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        return None
    return (done.stdout.strip() or None) if done.returncode == 0 else None
