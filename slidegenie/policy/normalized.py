"""Bring a resource of the Docker provider, whoever declared it, into the shape that rules read.

A Swarm service gets the shape of a container. What Swarm has no word for stays out, and the policy file says so.
"""

import csv
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.core.labels import SERVICE_LABEL, ZONE_LABEL
from components.settings.references import repository_of, split_registry

from .rule import UNKNOWN, JudgedResource, Kind, NothingKnown, ProgramFacts, Properties

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
        never_starts = properties.get("start") is False and properties.get("mustRun") is False
        what = Kind.IDLE if never_starts else Kind.CONTAINER
    elif kind == SERVICE:
        what, properties, names = Kind.SERVICE, container_of_service(properties), SERVICE_NAMES
    elif kind in _OTHERS:
        what = _OTHERS[kind]
    else:
        return None
    return JudgedResource(
        kind=what,
        name=name,
        container=_label_of(properties, SERVICE_LABEL) or name,
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


def _label_of(properties: Mapping[str, Any], name: str) -> str:
    return next((value for label, value in _labels(properties) if label == name), "")


def _labels(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    labels = properties.get("labels")
    for item in labels if isinstance(labels, list) else []:
        if isinstance(item, Mapping) and isinstance(item.get("value"), str):
            yield str(item.get("label")), item["value"]


_SPEC = "taskSpec.containerSpec"
SERVICE_NAMES = {
    "user": f"{_SPEC}.user",
    "groupAdds": f"{_SPEC}.groups",
    "readOnly": f"{_SPEC}.readOnly",
    "capabilities": _SPEC,
    "capabilities.adds": f"{_SPEC}.capAdds",
    "capabilities.drops": f"{_SPEC}.capDrops",
    "image": f"{_SPEC}.image",
    "command": f"{_SPEC}.args",
    "entrypoints": f"{_SPEC}.commands",
    "envs": f"{_SPEC}.env",
    "labels": f"{_SPEC}.labels",
    "mounts": f"{_SPEC}.mounts",
    "healthcheck": f"{_SPEC}.healthcheck",
    "sysctls": f"{_SPEC}.sysctl",
    "memory": "taskSpec.resources.limits.memoryBytes",
    "cpus": "taskSpec.resources.limits.nanoCpus",
    "memorySwap": "taskSpec.resources.limits.memorySwap",
    "securityOpts": f"{_SPEC}.privileges.seLinuxContext",
    "cpuQuota": "taskSpec.resources.limits.nanoCpus",
    "logDriver": "taskSpec.logDriver.name",
    "logOpts": "taskSpec.logDriver.options",
    "networksAdvanced": "taskSpec.networksAdvanceds",
    "ports": "endpointSpec.ports",
}
"""Where a service keeps what a container calls differently."""

_AS_THEY_ARE = (
    *("user", "groupAdds", "readOnly", "image", "command", "entrypoints", "mounts", "healthcheck", "sysctls"),
    *("memory", "cpus", "logDriver", "logOpts"),
)


def container_of_service(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a service under the names that a container has for them."""
    spec = _group(_group(service, "taskSpec"), "containerSpec")
    return {
        **{key: _at(service, SERVICE_NAMES[key]) for key in _AS_THEY_ARE},
        "capabilities": {"adds": spec.get("capAdds"), "drops": spec.get("capDrops")},
        "securityOpts": _selinux(_group(spec, "privileges").get("seLinuxContext")),
        "envs": _variables(spec.get("env")),
        # Those of the service itself show in `docker service inspect` alone.
        "labels": [*_list(spec.get("labels")), *_list(service.get("labels"))],
        "networksAdvanced": [_network(network) for network in _list(_at(service, SERVICE_NAMES["networksAdvanced"]))],
        "ports": [_port(port) for port in _list(_at(service, SERVICE_NAMES["ports"]))],
    }


def _at(service: Mapping[str, Any], path: str) -> Any:
    *groups, key = path.split(".")
    return functools.reduce(_group, groups, service).get(key)


def _network(network: Any) -> Any:
    if not isinstance(network, Mapping):
        return network
    return {"name": network.get("name") or network.get("id")}


def _selinux(context: Any) -> Any:
    """Return the context as the options that a container would have for it."""
    if not isinstance(context, Mapping):
        return context
    options = {key: UNKNOWN if value is UNKNOWN else f"label={key}:{value}" for key, value in context.items() if value}
    return options | ({"disable": "label=disable"} if str(context.get("disable")).lower() == "true" else {})


def _port(port: Any) -> Any:
    if not isinstance(port, Mapping):
        return port
    return {"internal": port.get("targetPort"), "external": port.get("publishedPort")}


def _variables(variables: Any) -> Any:
    if not isinstance(variables, Mapping):
        return variables
    return [UNKNOWN if value is UNKNOWN else f"{name}={value}" for name, value in sorted(variables.items())]


def _group(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the group at `key`; where it is not known, one in which nothing is."""
    value = holder.get(key)
    if value is UNKNOWN:
        return NothingKnown()
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    if value is UNKNOWN:
        return [UNKNOWN]
    return value if isinstance(value, list) else []


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
