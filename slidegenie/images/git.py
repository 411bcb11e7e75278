"""What Git says of the code that is built."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from components.core.git import git
from components.settings import OriginSettings


def git_origin(root: Path) -> OriginSettings:
    """Return source, commit and date of the working tree, as far as Git knows them."""
    revision = git(root, "rev-parse", "HEAD")
    changed = "-dirty" if revision and git(root, "status", "--porcelain", "--untracked-files=no") else ""
    known = {
        "source": _address(git(root, "config", "--get", "remote.origin.url")),
        "revision": f"{revision}{changed}" if revision else None,
        "created": git(root, "log", "-1", "--format=%cI"),
    }
    return OriginSettings.model_validate({key: value for key, value in known.items() if value})


def _address(remote: str | None) -> str | None:
    """Return a remote as an address for everybody: a token in it must not end up in a label."""
    if not remote or urlsplit(remote).scheme not in ("http", "https"):
        return None
    parts = urlsplit(remote)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
