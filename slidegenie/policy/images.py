"""Images by their names: where they are from, and what a program builds and pushes."""

import csv
from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.references import repository_of, split_registry

_BUILD = "docker-build:index:Image"
_OLDER_BUILD = "docker:index/image:Image"


def full_name(name: str) -> str:
    """Return an image's name with the registry that Docker takes for granted."""
    return "/".join(split_registry(name))


def repository(name: str) -> str:
    """Return an image's full name without tag and digest."""
    return repository_of(full_name(name))


def built_tags(kind: str, properties: Mapping[str, Any]) -> list[str]:
    """Return the names of the image that a build makes; none for any other resource."""
    if kind not in (_BUILD, _OLDER_BUILD):
        return []
    return _texts(properties.get("tags") or [properties.get("imageName")])


def pushed_repositories(kind: str, properties: Mapping[str, Any]) -> list[str]:
    """Return the repositories that a build pushes to; none for any other resource.

    Its digest, by which the image is run, comes into being with the build: no input of it says which that will be.
    """
    names: list[str] = []
    if properties.get("push") is True or (kind == _OLDER_BUILD and properties.get("skipPush") in (None, False)):
        names += built_tags(kind, properties)
    if kind == _BUILD:
        exports = properties.get("exports")
        for export in exports if isinstance(exports, list) else []:
            names += _exported(export.get("raw")) if isinstance(export, Mapping) else []
    return [repository(name) for name in names]


def _exported(output: Any) -> Iterator[str]:
    """Yield the names that buildx's `--output` pushes an image as."""
    options = dict(option.split("=", 1) for option in next(csv.reader(_texts([output])), []) if "=" in option)
    if options.get("push") == "true" or options.get("type") == "registry":
        yield from filter(None, options.get("name", "").split(","))


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
