"""The registry's login, kept in a folder of its own: nothing is written into the user's Docker configuration."""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...settings.references import HUB_NAMES
from .errors import ToolError

_HUB_LOGIN = "https://index.docker.io/v1/"
"""What Docker, buildx, Cosign, Syft and Trivy look the login of Docker Hub up by, whatever an image's name says."""


@dataclass(frozen=True, kw_only=True)
class RegistryLogin:
    """Who pushes and pulls."""

    address: str
    """Registry host, with its port when it has one."""
    username: str
    """User."""
    password: str
    """Password or token."""

    def __repr__(self) -> str:
        return f"Login({self.username}@{self.address})"

    @property
    def of_docker_hub(self) -> bool:
        """Whether it is Docker Hub's, by any of its names."""
        return self.address in HUB_NAMES


def user_docker_folder() -> Path:
    """Return the folder of the user's Docker configuration."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def write_docker_folder(folder: Path, login: RegistryLogin | None) -> None:
    """Make `folder` a Docker configuration with the user's own logins and helpers, and `login` besides.

    Raises:
        ToolError: when the user's own configuration cannot be read.
    """
    folder.mkdir(mode=0o700)
    own = user_docker_folder()
    config = _configuration(own / "config.json")
    if login is not None:
        token = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
        keys = [login.address, _HUB_LOGIN] if login.of_docker_hub else [login.address]
        config["auths"] = (config.get("auths") or {}) | {key: {"auth": token} for key in keys}
        # A helper or store would be asked first; an empty name stands for this file, for this registry alone.
        config["credHelpers"] = (config.get("credHelpers") or {}) | dict.fromkeys(keys, "")
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    # Plugins and contexts are found beside the file that names the logins.
    for name in ("cli-plugins", "contexts"):
        if (own / name).is_dir():
            (folder / name).symlink_to((own / name).resolve())


def _configuration(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ToolError(f"{file} cannot be read ({error.strerror}): let this user read it") from None
    except ValueError as error:
        raise ToolError(f"{file} is not JSON ({error}): correct it, or move it away and `docker login` anew") from None
    if not isinstance(config, dict):
        raise ToolError(f"{file} is no Docker configuration: move it away and `docker login` anew")
    return config
