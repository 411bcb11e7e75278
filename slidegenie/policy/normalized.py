"""Bring a resource of the Docker provider, whoever declared it, into the shape that rules read."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.core.labels import SERVICE_LABEL, ZONE_LABEL

from .properties import UNKNOWN, Properties
from .rule import JudgedResource, Kind, ProgramFacts
from .swarm import SERVICE_NAMES, container_of_service

CONTAINER = "docker:index/container:Container"
SERVICE = "docker:index/service:Service"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"

_OTHERS = {NETWORK: Kind.NETWORK, VOLUME: Kind.VOLUME, REMOTE_IMAGE: Kind.IMAGE}
_ALONE = ProgramFacts()


def judged_resource(
    kind: str,
    name: str,
    properties: Mapping[str, Any],
    *,
    hidden: frozenset[str] = frozenset(),
    facts: ProgramFacts = _ALONE,
) -> JudgedResource | None:
    """Return the resource of type token `kind` as rules read it; `None` when no rule is about its type."""
    names: Mapping[str, str] = {}
    if kind == CONTAINER:
        what = Kind.IDLE if _never_starts(properties) else Kind.CONTAINER
    elif kind == SERVICE:
        what, properties, names = Kind.SERVICE, container_of_service(properties), SERVICE_NAMES
    elif kind in _OTHERS:
        what = _OTHERS[kind]
    else:
        return None
    return JudgedResource(
        kind=what,
        name=name,
        container=_service_name(properties) or name,
        properties=Properties(properties, hidden=hidden, names=names),
        facts=facts,
    )


def zone_of(network: Mapping[str, Any]) -> str:
    """Return the zone of a network; empty where it is of none."""
    return _label_of(network, ZONE_LABEL)


def plain(value: Any, is_unknown: Callable[[Any], bool], opened: Callable[[Any], Any]) -> tuple[Any, frozenset[str]]:
    """Return `value` with `UNKNOWN` for what is not known, and the paths of what `opened` found to be secret.

    `opened` returns what is inside of a secret, and anything else as it is.
    """
    hidden: set[str] = set()

    def walk(item: Any, path: str) -> Any:
        if is_unknown(item):
            return UNKNOWN
        if (inside := opened(item)) is not item:
            hidden.add(path)
            return walk(inside, path)
        if isinstance(item, Mapping):
            return {str(key): walk(below, _key(path, str(key))) for key, below in item.items()}
        if isinstance(item, list | tuple):
            return [walk(below, f"{path}[{number}]") for number, below in enumerate(item)]
        return item

    return walk(value, ""), frozenset(hidden)


def _key(path: str, key: str) -> str:
    if not path:
        return key
    return f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'


def _never_starts(properties: Mapping[str, Any]) -> bool:
    return properties.get("start") is False and properties.get("mustRun") is False


def _service_name(properties: Mapping[str, Any]) -> str:
    return _label_of(properties, SERVICE_LABEL)


def _label_of(properties: Mapping[str, Any], name: str) -> str:
    return next((value for label, value in _labels(properties) if label == name), "")


def _labels(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    labels = properties.get("labels")
    for item in labels if isinstance(labels, list) else []:
        if isinstance(item, Mapping) and isinstance(item.get("value"), str):
            yield str(item.get("label")), item["value"]
