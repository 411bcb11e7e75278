"""Paths: on the Docker host, on this machine, and in a container."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator

from ..refusal import refused

_PLAIN = re.compile(r"[!-~]+")
"""What can be seen and is no space."""


def path_problem(value: str) -> str | None:
    """Say why `value` is no path that names one place from the root; `None` when it is one."""
    if not value.startswith("/"):
        return "it does not begin at the root"
    if not _PLAIN.fullmatch(value):
        return "it has a space, or a letter that is not ASCII, in it"
    if value == "/":
        return "it is the root itself"
    if posixpath.normpath(value) != value.rstrip("/"):
        return "it has an empty part, . or .. in it"
    return None


def _host_path(value: str) -> str:
    if problem := path_problem(value):
        raise refused("a path from the root, like /opt/slidegenie/data", value, problem)
    return value.rstrip("/")


HostPath = Annotated[str, AfterValidator(_host_path)]
"""A path on the Docker host or on this machine, from the root; never `/` itself."""

_OURS = {
    "/run/secrets": "the platform's secrets are there",
    "/run/app": "the platform mounts a folder in memory there",
    "/tmp": "the platform mounts a folder in memory there",  # noqa: S108 - a folder of the container
}
_SYSTEM = ("/dev", "/etc", "/proc", "/sys")
_PROGRAMS = ("/bin", "/lib", "/lib64", "/opt", "/run", "/sbin", "/usr", "/var")
"""Where programs live: below them there may be data, but not in their place."""


def _container_path(value: str) -> str:
    problem = path_problem(value)
    if problem is None and (":" in value or "," in value):
        problem = "a path has no options: it is always mounted to be written"
    path = value.rstrip("/")
    if problem is None:
        problem = next((why for place, why in _OURS.items() if _inside(path, place) or _inside(place, path)), None)
    if problem is None and (place := next((p for p in _SYSTEM if _inside(path, p)), None)):
        problem = f"{place} is the engine's"
    if problem is None and path in _PROGRAMS:
        problem = "programs are there"
    if problem is not None:
        raise refused("a folder of its own in the container, from the root, like /app/uploads", value, problem)
    return path


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


ContainerPath = Annotated[str, AfterValidator(_container_path)]
"""A folder in the container where a volume can be mounted."""
