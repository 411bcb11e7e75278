"""Names of images, by the grammar of the `distribution` reference that the engine and every registry go by."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml

from .addresses import LAST_PORT
from .errors import must_be

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
    if found[1] is not None and not 1 <= int(found[1]) <= LAST_PORT:
        return f"port {found[1]} is not between 1 and {LAST_PORT}"
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


def _image_problem(value: str, *, without_tag: bool = False) -> str | None:
    try:
        name = parse(value)
    except ValueError as error:
        return str(error)
    tagged = name.tag is not None or (without_tag and name.digest)
    return None if tagged else "it has no tag, which would mean latest"


def _runnable_problem(value: str) -> str | None:
    return None if IMAGE_ID.fullmatch(value) else _image_problem(value, without_tag=True)


def _registry_path_problem(value: str) -> str | None:
    host, slash, path = value.partition("/")
    return registry_problem(host) or (path_problem(path) if slash else None)


ImageReference = Annotated[
    str, must_be("name:tag with an optional digest, like docker.io/library/redis:8.2.1", problem=_image_problem)
]
"""`name:tag`, with an optional `@sha256:...`. A reference without a tag would mean `latest`: refused."""
RunnableImage = Annotated[
    str, must_be("name:tag or name@sha256:..., like ghcr.io/acme/slides:1.4.2", problem=_runnable_problem)
]
"""The same, and `name@sha256:...` or an image's ID on the engine, `sha256:...`: what a rollback names."""
RegistryHost = Annotated[str, must_be("a registry as host[:port], like ghcr.io", problem=registry_problem)]
"""`host[:port]`."""
RegistryPath = Annotated[
    str,
    must_be("a registry as host[:port][/path], like registry.example.com/mirror", problem=_registry_path_problem),
]
"""`host[:port][/path]`."""
Namespace = Annotated[str, must_be("a path in the registry, like acme/slides", problem=path_problem)]
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
