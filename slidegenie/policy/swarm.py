"""A Swarm service in the shape of a container. What Swarm has no word for stays out, and the policy file says so."""

from collections.abc import Mapping
from typing import Any

from .properties import UNKNOWN, NothingKnown

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

_SAME = ("user", "readOnly", "image", "mounts", "healthcheck")


def container_of_service(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a service under the names that a container has for them."""
    task = _group(service, "taskSpec")
    spec, limits, log = (
        _group(task, "containerSpec"),
        _group(_group(task, "resources"), "limits"),
        _group(task, "logDriver"),
    )
    return {
        **{key: spec.get(key) for key in _SAME},
        "groupAdds": spec.get("groups"),
        "capabilities": {"adds": spec.get("capAdds"), "drops": spec.get("capDrops")},
        "securityOpts": _selinux(_group(spec, "privileges").get("seLinuxContext")),
        "command": spec.get("args"),
        "entrypoints": spec.get("commands"),
        "envs": _variables(spec.get("env")),
        # Those of the service itself show in `docker service inspect` alone.
        "labels": [*_list(spec.get("labels")), *_list(service.get("labels"))],
        "sysctls": spec.get("sysctl"),
        "memory": limits.get("memoryBytes"),
        "cpus": limits.get("nanoCpus"),
        "logDriver": log.get("name"),
        "logOpts": log.get("options"),
        "networksAdvanced": [_network(network) for network in _list(task.get("networksAdvanceds"))],
        "ports": [_port(port) for port in _list(_group(service, "endpointSpec").get("ports"))],
    }


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
