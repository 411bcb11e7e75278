"""The registry's login, kept in a folder of its own: nothing is written into the user's Docker configuration."""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Login:
    """Who pushes and pulls."""

    address: str
    """Registry host, with its port when it has one."""
    username: str
    """User."""
    password: str
    """Password or token."""

    def __repr__(self) -> str:
        return f"Login({self.username}@{self.address})"


def user_docker_folder() -> Path:
    """Return the folder of the user's Docker configuration."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def write_docker_folder(folder: Path, login: Login | None) -> None:
    """Make `folder` a Docker configuration with the user's own logins and helpers, and `login` besides."""
    folder.mkdir(mode=0o700)
    own = user_docker_folder()
    try:
        config = json.loads((own / "config.json").read_text(encoding="utf-8"))
    except OSError:
        config = {}
    if login is not None:
        token = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
        config.setdefault("auths", {})[login.address] = {"auth": token}
        # A helper for this registry would be asked first.
        config.get("credHelpers", {}).pop(login.address, None)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    # Plugins and contexts are found beside the file that names the logins.
    for name in ("cli-plugins", "contexts"):
        if (own / name).is_dir():
            (folder / name).symlink_to((own / name).resolve())
