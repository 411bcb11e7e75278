"""Run Trivy, Syft and Cosign, from PATH or else as containers, in a private folder that is gone afterwards.

The registry's login is in there too: nothing is written into the user's Docker configuration.
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.engine import DockerEngine
from ...settings import ImagesSettings
from ...settings.references import HUB_NAMES, third_party
from ..image import mirrored


class SupplyChainError(Exception):
    """An image was refused, or could not be checked: what was found, where, and what to do."""


class UnsignedError(SupplyChainError):
    """An image was looked at, and nobody whose signature counts has signed it."""


class ToolError(SupplyChainError):
    """A tool is missing, must not be used, or failed."""

    def __init__(self, message: str, *, code: int | None = None, said: str = "") -> None:
        super().__init__(message)
        self.code = code
        """Exit code of a tool that ran."""
        self.said = said
        """All that it said."""


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


_NO_MIRROR = ImagesSettings()
_PATIENCE_SECONDS = 900
_SILENT = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_DISABLE_TELEMETRY": "true"}
"""No tool asks for news or reports its use."""
_TRIVY_SOURCES = ("TRIVY_DB_REPOSITORY", "TRIVY_JAVA_DB_REPOSITORY", "TRIVY_CHECKS_BUNDLE_REPOSITORY")
"""Where Trivy has its knowledge from. Any other variable of its own could bend what the scan policy says."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True, kw_only=True)
class Toolset:
    """A private folder in which tools find what they need and leave what they make."""

    folder: Path
    """Where all files of a run are; the only folder a tool in a container sees."""
    fetch: bool
    """Whether the image of a tool that is not on PATH may be pulled."""
    engine: DockerEngine = field(default_factory=DockerEngine.of)
    """Where images are taken from. Default: the engine of the environment."""
    images: ImagesSettings = _NO_MIRROR
    """The mirror that images of tools come from too."""
    found: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False)
    """Commands that start the tools found so far."""

    def run(self, tool: str, *args: str, **environment: str) -> str:
        """Run `tool` with `args` and return what it printed.

        Raises:
            ToolError: when it is missing or fails, with its last lines.
        """
        command = self.need(tool)
        return self._execute([*command, *args], tool, self._at(command).environment(_ambient()) | environment)

    def need(self, tool: str) -> list[str]:
        """Return the command that starts `tool`.

        Raises:
            ToolError: when it is missing, with how to get it.
        """
        if tool not in self.found:
            self.found[tool] = self._command(tool)
        return self.found[tool]

    def docker(self, *args: str) -> str:
        """Run `docker ARGS` on the engine the images are on."""
        return self._execute(["docker", *args], f"docker {args[0]}", self.engine.environment(_ambient()))

    @staticmethod
    def on_path(tool: str) -> Path | None:
        """Return the program that would be run, or `None` when it would be a container."""
        # The second is where scripts/install-supply-chain-tools.sh puts them, which not every shell looks through.
        own = os.environ.get("SLIDEGENIE_BIN") or str(Path.home() / ".local" / "bin")
        found = shutil.which(tool) or shutil.which(tool, path=own)
        return Path(found) if found else None

    def image_of(self, tool: str) -> str:
        """Return the image that stands in for a tool that is not on PATH."""
        return mirrored(third_party(f"tool-{tool}"), self.images)

    def _command(self, tool: str) -> list[str]:
        if program := self.on_path(tool):
            return [str(program)]
        image = self.image_of(tool)
        ways = [("image", "inspect", image), *([("pull", "--quiet", image)] if self.fetch else [])]
        if shutil.which("docker") and any(self._succeeds(*way) for way in ways):
            return [*self._container(), image]
        pulled = f" and {image} could not be pulled" if self.fetch else f" and {image} is not on the engine"
        raise ToolError(
            f"{tool} is not on PATH{pulled}: run scripts/install-supply-chain-tools.sh {tool}, or `docker pull {image}`"
        )

    def _container(self) -> list[str]:
        """Return the command that starts a tool as a container which shares this machine's files."""
        everything = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        cache = Path(os.environ.get("TRIVY_CACHE_DIR") or everything / "trivy").absolute()
        cache.mkdir(parents=True, exist_ok=True)
        mounts = [f"{self.folder}:{self.folder}", f"{cache}:{cache}"]
        variables = {"DOCKER_CONFIG": self._docker_folder, "HOME": self.folder, "TMPDIR": self.folder} | _SILENT
        if authorities := os.environ.get("SSL_CERT_FILE"):
            mounts.append(f"{Path(authorities).absolute()}:{self.folder}/authorities.pem:ro")
            variables["SSL_CERT_FILE"] = self.folder / "authorities.pem"
        given = [name for name in (*_TRIVY_SOURCES, *_PROXIES) if name in os.environ]
        return [
            *("docker", "run", "--rm", "--network=host", f"--user={os.getuid()}:{os.getgid()}", "--cap-drop=ALL"),
            *(f"--volume={mount}" for mount in mounts),
            *(f"--env={name}={value}" for name, value in variables.items()),
            # By name only: a password, that of a proxy too, must not be among the arguments.
            *(f"--env={name}" for name in ("COSIGN_PASSWORD", *given)),
            *(f"--env=TRIVY_CACHE_DIR={cache}", f"--workdir={self.folder}"),
        ]

    def _at(self, command: list[str]) -> DockerEngine:
        """Return where a tool works: one that is a container is on this machine's engine, whose files it shares."""
        return _this_machines() if command[0] == "docker" else self.engine

    @property
    def _docker_folder(self) -> Path:
        return self.folder / "docker"

    def _succeeds(self, *args: str) -> bool:
        here = _this_machines().environment()
        done = subprocess.run(["docker", *args], env=here, capture_output=True, check=False)  # noqa: S603, S607
        return done.returncode == 0

    def _execute(self, command: list[str], tool: str, environment: dict[str, str]) -> str:
        own = {
            "DOCKER_CONFIG": str(self._docker_folder),
            # Builders are known by files in the user's folder.
            "BUILDX_CONFIG": os.environ.get("BUILDX_CONFIG") or str(user_docker_folder() / "buildx"),
        }
        try:
            done = subprocess.run(  # noqa: S603 - no shell, own arguments
                command,
                cwd=self.folder,
                env=environment | _SILENT | own,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PATIENCE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ToolError(f"{tool} did not end within {_PATIENCE_SECONDS} s; run it by hand to see why") from None
        except OSError as error:
            raise ToolError(f"{tool} could not be started: {error.strerror}") from None
        if done.returncode != 0:
            said = done.stderr or done.stdout
            raise ToolError(f"{tool} failed: {_last_words(said)}", code=done.returncode, said=said)
        return done.stdout


def _this_machines() -> DockerEngine:
    engine = DockerEngine.of()
    return engine if engine.local else DockerEngine(said_by="this machine")


def _ambient() -> dict[str, str]:
    """Return the user's environment without what would set Trivy's severities, ignore list or exit code."""
    kept = {*_TRIVY_SOURCES, "TRIVY_CACHE_DIR"}
    return {name: value for name, value in os.environ.items() if not name.startswith("TRIVY_") or name in kept}


@contextlib.contextmanager
def toolset(
    *,
    fetch: bool,
    login: RegistryLogin | None = None,
    engine: DockerEngine | None = None,
    images: ImagesSettings = _NO_MIRROR,
) -> Iterator[Toolset]:
    """Open a private folder for one run of the tools; keys and passwords in it do not outlive it."""
    with tempfile.TemporaryDirectory(prefix="slidegenie-supply-chain-") as folder:
        bench = Toolset(folder=Path(folder), fetch=fetch, engine=engine or DockerEngine.of(), images=images)
        write_docker_folder(bench.folder / "docker", login)
        yield bench


def _last_words(text: str, lines: int = 6) -> str:
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return "\n  ".join(said[-lines:]) or "it said nothing"
