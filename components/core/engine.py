"""Which Docker engine a stack lives on: said once, and asked by whatever speaks to an engine.

The first of these that says something: `docker:host` or `docker:context` of the stack file, `DOCKER_HOST`,
`DOCKER_CONTEXT`, the context that `docker context use` chose, this machine's socket.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pulumi

from ..settings import SettingsError

THIS_MACHINE = "unix:///var/run/docker.sock"
"""Where an engine listens when nobody says anything."""
_SCHEMES = ("unix", "npipe", "ssh", "tcp")
_HOST, _CONTEXT = "docker:host", "docker:context"
_BUILD_HOST = "docker-build:host"
_TLS = {"DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}
_NO_CONTEXT = "default"
"""The context that is none: `DOCKER_HOST`, else this machine's socket."""


@dataclass(frozen=True, kw_only=True)
class DockerEngine:
    """One Docker engine, here or elsewhere."""

    address: str = THIS_MACHINE
    """`unix:///path`, `ssh://user@host:port` or `tcp://host:port`."""
    said_by: str | None = None
    """Who says so, for messages. Default: nobody."""
    certificates: str | None = None
    """Folder with `ca.pem`, `cert.pem` and `key.pem` for an engine behind TLS. Default: what the environment says."""
    overruled: tuple[str, ...] = ()
    """Who says something else, and does not count."""

    @classmethod
    def of(
        cls,
        configuration: Mapping[str, Any] | None = None,
        source: str = "",
        environment: Mapping[str, str] = os.environ,
    ) -> "DockerEngine":
        """Return the engine that the configuration of a stack means in this environment.

        `configuration` has keys with their namespace, `source` is the file they are from.

        Raises:
            SettingsError: when an address is none, or a context is not known.
        """
        said = [engine for engine in _said(configuration or {}, source, environment) if engine is not None]
        if not said:
            # Who names the context that is none, means it.
            named = (configuration or {}).get(_CONTEXT) or environment.get("DOCKER_CONTEXT")
            return cls() if named else _current_context(environment) or cls()
        first, *others = said
        overruled = tuple(f"{other.said_by} ({other.address})" for other in others if other.address != first.address)
        return cls(address=first.address, said_by=first.said_by, certificates=first.certificates, overruled=overruled)

    @property
    def local(self) -> bool:
        """Whether its files, ports and socket are this machine's."""
        return self._parts.scheme in ("unix", "npipe")

    @property
    def host(self) -> str:
        """Name of the machine it is on, for people."""
        return "localhost" if self.local else self._parts.hostname or self.address

    @property
    def contradiction(self) -> str | None:
        """A line for people about who is not listened to; `None` when all agree."""
        if not self.overruled:
            return None
        return f"the Docker engine is {self.address}, says {self.said_by}; not asked: {', '.join(self.overruled)}"

    def environment(self, ambient: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Return an environment in which every program speaks to this engine: client, plugins, providers, tools."""
        if self.said_by is None:
            return dict(ambient)
        # Pulumi's provider takes a context before a host, the command line a host before a context.
        others = {"DOCKER_CONTEXT"} | (set() if self._parts.scheme == "tcp" else _TLS)
        made = {name: value for name, value in ambient.items() if name not in others} | {"DOCKER_HOST": self.address}
        if self.certificates:
            made |= {"DOCKER_CERT_PATH": self.certificates, "DOCKER_TLS_VERIFY": "1"}
        return made

    def tunnel(self, ports: list[int]) -> str | None:
        """Return the command that brings ports which the engine's machine publishes to itself alone to this one."""
        if self._parts.scheme != "ssh":
            return None
        user = f"{self._parts.username}@" if self._parts.username else ""
        port = f" -p {self._parts.port}" if self._parts.port else ""
        ways = " ".join(f"-L {number}:127.0.0.1:{number}" for number in ports)
        return f"ssh{port} -N {ways} {user}{self._parts.hostname}"

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.address)


def split(configuration: Mapping[str, Any], source: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Say which of Pulumi's providers would work on another engine than the stack's; `None` when all agree.

    They do not read the same things: one builds images, and one runs them.
    """
    meant = DockerEngine.of(configuration, source, environment)
    context = configuration.get(_CONTEXT) or environment.get("DOCKER_CONTEXT")
    by_context = context and _of_context(context, "", environment)
    host = environment.get("DOCKER_HOST")
    runs = by_context.address if by_context else configuration.get(_HOST) or host or THIS_MACHINE
    # It goes by the command line's rules, in which a host comes before a context.
    command_line = DockerEngine.of({}, "", environment)
    builds = configuration.get(_BUILD_HOST) or command_line.address
    others = [
        f"{what} at {_address(where, what)}"
        for what, where in (("run containers", runs), ("build images", builds))
        if _address(where, what) != meant.address
    ]
    if not others:
        return None
    return (
        f"the Docker engine is {meant.address}, says {meant.said_by}, but Pulumi's providers would"
        f" {' and '.join(others)}: export DOCKER_HOST={meant.address} and unset DOCKER_CONTEXT, as `make up` does"
    )


def _said(
    configuration: Mapping[str, Any], source: str, environment: Mapping[str, str]
) -> Iterator[DockerEngine | None]:
    """Yield what each of those who were asked to say says, the one that counts first."""
    if host := configuration.get(_HOST):
        who = f"{_HOST} in {source}"
        certificates = configuration.get("docker:certPath")
        yield DockerEngine(address=_address(host, who), said_by=who, certificates=certificates)
    if name := configuration.get(_CONTEXT):
        yield _of_context(str(name), f"{_CONTEXT} in {source}", environment)
    if host := environment.get("DOCKER_HOST"):
        yield DockerEngine(address=_address(host, "DOCKER_HOST"), said_by="DOCKER_HOST")
    if name := environment.get("DOCKER_CONTEXT"):
        yield _of_context(name, "DOCKER_CONTEXT", environment)


def _address(said: object, who: str) -> str:
    text = str(said)
    # As the command line reads it.
    address = text if "://" in text else f"tcp://{text}"
    if not _is_address(address):
        raise SettingsError(
            who,
            [f"must be an address such as ssh://deploy@prod.example.com or unix:///var/run/docker.sock; got {text!r}"],
        )
    return address


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - it is read to see whether it is one
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(parts.path if parts.scheme in ("unix", "npipe") else parts.hostname)


def _current_context(environment: Mapping[str, str]) -> DockerEngine | None:
    """Return the engine of the context that `docker context use` chose."""
    try:
        name = json.loads((_folder(environment) / "config.json").read_text(encoding="utf-8")).get("currentContext")
    except (OSError, ValueError, AttributeError):
        # The command line, too, goes on without; what is wrong with it, it says itself.
        return None
    return _of_context(str(name), f"the Docker context {name}", environment) if name else None


def _of_context(name: str, who: str, environment: Mapping[str, str]) -> DockerEngine | None:
    if name == _NO_CONTEXT:
        return None
    contexts, identity = _folder(environment) / "contexts", hashlib.sha256(name.encode()).hexdigest()
    try:
        found = json.loads((contexts / "meta" / identity / "meta.json").read_text(encoding="utf-8"))
        host = found["Endpoints"]["docker"]["Host"]
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(
            who or "DOCKER_CONTEXT",
            [f"there is no Docker context {name!r} here: `docker context ls` lists them, `docker context use` chooses"],
        ) from None
    material = contexts / "tls" / identity / "docker"
    return DockerEngine(
        address=_address(host, who), said_by=who, certificates=str(material) if material.is_dir() else None
    )


def _folder(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("DOCKER_CONFIG") or Path(environment.get("HOME") or Path.home()) / ".docker")


HARDENED_RUN = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")
"""Options of `docker run` for what a program runs for a moment: no more than a container of the stack may."""


class EngineError(pulumi.RunError):
    """The engine cannot be asked; Pulumi prints what is wrong, and nothing of the program."""


def docker(engine: DockerEngine, *args: str) -> "subprocess.CompletedProcess[str]":
    """Run `docker ARGS` on `engine`; whether it succeeded is for the caller to see.

    Raises:
        EngineError: when there is no such program here.
    """
    environment = engine.environment()
    try:
        return subprocess.run(["docker", *args], env=environment, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        raise EngineError(
            "Docker's command line is not installed here, and the program asks the engine by it, in a preview too:"
            " install docker-ce-cli, or docker.io on Debian (no engine is needed here where docker:host names one)"
        ) from None
