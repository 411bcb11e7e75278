"""Names of images, by the grammar of the `distribution` reference that the engine and every registry go by."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator

from .errors import refused

DOCKER_HUB = "docker.io"
"""The registry that Docker takes for granted."""
HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
"""All names that it goes by."""
DIGEST = "sha256:[0-9a-f]{64}"
"""Regular expression of a digest, and of what an engine calls an image that it has."""
PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
"""Regular expression of one part of a path, between slashes."""
HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])"
"""Regular expression of a registry's host, without its port."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PATH = re.compile(rf"{PATH}(?:/{PATH})*")
_REGISTRY = re.compile(rf"{HOST}(?::([0-9]+))?")
IMAGE_ID = re.compile(DIGEST)
"""What an engine calls an image that it has."""
_LONGEST = 255
_LAST_PORT = 65_535


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An image's name in full, with the registry and the path that Docker takes for granted."""

    registry: str
    """Host, with its port where it has one."""
    path: str
    """Path in the registry, such as `library/redis`."""
    tag: str | None
    """Tag, where it has one."""
    digest: str | None
    """Digest, where it has one."""


def split_registry(name: str) -> tuple[str, str]:
    """Return the registry of an image's name and all that comes after it, as Docker reads them. Nothing is refused."""
    first, slash, rest = name.partition("/")
    # Docker's own rule: anything else before the first slash is a user of Docker Hub.
    named = bool(slash) and ("." in first or ":" in first or first == "localhost" or first != first.lower())
    registry, rest = (first, rest) if named else (DOCKER_HUB, name)
    if registry in (DOCKER_HUB, f"index.{DOCKER_HUB}"):
        return DOCKER_HUB, rest if "/" in rest else f"library/{rest}"
    return registry, rest


def repository_of(name: str) -> str:
    """Return an image's name without tag and digest."""
    folder, slash, last = name.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def is_in(registry: str | None, name: str) -> bool:
    """Tell whether an image's name is one of `registry`, whichever of its names that goes by; of none, nothing is."""
    if registry is None:
        return False
    home = split_registry(name)[0]
    return home == registry or {home, registry} <= HUB_NAMES


def registry_problem(address: str) -> str | None:
    """Say why `address` is no registry, `host[:port]`; `None` when it is one."""
    found = _REGISTRY.fullmatch(address)
    if found is None:
        return f"{address!r} is no host name"
    if found[1] is not None and not 1 <= int(found[1]) <= _LAST_PORT:
        return f"port {found[1]} is not between 1 and {_LAST_PORT}"
    return None


def path_problem(path: str) -> str | None:
    """Say why `path` is no path in a registry; `None` when it is one."""
    if _PATH.fullmatch(path):
        return None
    return f"{path!r} is no path: lower-case letters and digits, with single dots, dashes and underscores between them"


def parse(name: str) -> Reference:
    """Return the parts of an image's name.

    Raises:
        ValueError: saying what is wrong with it, in a few words.
    """
    if IMAGE_ID.fullmatch(name):
        raise ValueError("that is an image's ID")
    bare, at, digest = name.partition("@")
    if at and not IMAGE_ID.fullmatch(digest):
        raise ValueError(f"{digest!r} is no digest, which is sha256: and 64 digits of 0-9 and a-f")
    folder, slash, last = bare.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is no tag, which is up to 128 letters, digits, dots, dashes and underscores")
    repository = f"{folder}{slash}{last}"
    registry, path = split_registry(repository)
    if problem := registry_problem(registry) or path_problem(path):
        raise ValueError(problem)
    if len(repository) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST} characters")
    return Reference(registry=registry, path=path, tag=tag or None, digest=digest or None)


_BY_TAG = "name:tag with an optional digest, like docker.io/library/redis:8.2.1"
_RUNNABLE = "name:tag or name@sha256:..., like ghcr.io/acme/slides:1.4.2"


def _image(value: str) -> str:
    return _named(value, _BY_TAG, without_tag=False)


def _runnable(value: str) -> str:
    return value if IMAGE_ID.fullmatch(value) else _named(value, _RUNNABLE, without_tag=True)


def _named(value: str, wanted: str, *, without_tag: bool) -> str:
    try:
        name = parse(value)
    except ValueError as error:
        raise refused(wanted, value, str(error)) from None
    if name.tag is None and not (without_tag and name.digest):
        raise refused(wanted, value, "it has no tag, which would mean latest")
    return value


def _registry(value: str) -> str:
    if problem := registry_problem(value):
        raise refused("a registry as host[:port], like ghcr.io", value, problem)
    return value


def _registry_path(value: str) -> str:
    host, slash, path = value.partition("/")
    problem = registry_problem(host) or (path_problem(path) if slash else None)
    if problem:
        raise refused("a registry as host[:port][/path], like registry.example.com/mirror", value, problem)
    return value


def _namespace(value: str) -> str:
    if problem := path_problem(value):
        raise refused("a path in the registry, like acme/slides", value, problem)
    return value


ImageReference = Annotated[str, AfterValidator(_image)]
"""`name:tag`, with an optional `@sha256:...`. A reference without a tag would mean `latest`: refused."""
RunnableImage = Annotated[str, AfterValidator(_runnable)]
"""The same, and `name@sha256:...` or an image's ID on the engine, `sha256:...`: what a rollback names."""
RegistryHost = Annotated[str, AfterValidator(_registry)]
"""`host[:port]`."""
RegistryPath = Annotated[str, AfterValidator(_registry_path)]
"""`host[:port][/path]`."""
Namespace = Annotated[str, AfterValidator(_namespace)]
"""A path in a registry, without its host."""


_FILE = Path(__file__).parents[1] / "versions.yaml"


@functools.cache
def _versions() -> dict[str, str]:
    loaded: dict[str, str] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def third_party(name: str) -> str:
    """Return the reference of the third-party image `name`, as `components/versions.yaml` has it."""
    return _versions()[name]


def third_parties() -> dict[str, str]:
    """Return every third-party image by its name."""
    return dict(_versions())
