"""One service of the Compose file, from the inputs of the containers that Pulumi would make."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pulumi.output import Unknown

from components.core.labels import ENGINE_SOCKET, PIDS_LABEL
from components.core.text import go_duration

from ..plan.record import Secret
from ..plan.view import Service, View, Volume, labels_of
from .files import compose_path
from .yaml_text import Interpolated

DOCKER_GID = Interpolated("${DOCKER_GID:?run make secrets}")
"""The group of the Docker socket is another one on each host."""

_Field = tuple[str, Callable[[Any], Any]]


def _same(value: Any) -> Any:
    return value


def _mib(value: int) -> str:
    return f"{value}m"


def _number(value: str) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() else number


def _environment(values: list[str]) -> dict[str, str]:
    return dict(value.split("=", 1) for value in values)


def _health(check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "test": check["tests"],
        "interval": check["interval"],
        "timeout": check["timeout"],
        "retries": check["retries"],
        "start_period": check["startPeriod"],
    }


def _port(port: Mapping[str, Any]) -> str:
    address = f"[{port['ip']}]" if ":" in port["ip"] else port["ip"]
    protocol = "" if port["protocol"] == "tcp" else f"/{port['protocol']}"
    return f"{address}:{port['external']}:{port['internal']}{protocol}"


_FIELDS: Mapping[str, _Field] = {
    "hostname": ("hostname", _same),
    "user": ("user", _same),
    "groupAdds": ("group_add", _same),
    "readOnly": ("read_only", _same),
    "securityOpts": ("security_opt", _same),
    "tmpfs": ("tmpfs", lambda folders: [f"{path}:{options}" for path, options in sorted(folders.items())]),
    "init": ("init", _same),
    "memory": ("mem_limit", _mib),
    "memorySwap": ("memswap_limit", _mib),
    "memoryReservation": ("mem_reservation", _mib),
    "cpus": ("cpus", _number),
    "cpuSet": ("cpuset", _same),
    "shmSize": ("shm_size", _mib),
    "entrypoints": ("entrypoint", _same),
    "command": ("command", _same),
    "envs": ("environment", _environment),
    "networkMode": ("network_mode", _same),
    "ports": ("ports", lambda ports: [_port(port) for port in ports]),
    "healthcheck": ("healthcheck", _health),
    "restart": ("restart", _same),
    "stopTimeout": ("stop_grace_period", go_duration),
}
"""Inputs of a container and what they are called in Compose."""

_ELSEWHERE = frozenset({"image", "capabilities", "logDriver", "logOpts", "mounts", "networksAdvanced"})
"""Inputs that become something that more than one field says."""
_OF_PULUMI = frozenset({"wait", "waitTimeout", "attach", "logs", "mustRun", "destroyGraceSeconds"})
"""Inputs that tell the provider how to go about it, and the engine nothing."""

# fmt: off
_ORDER = (
    "image", "pull_policy", "build", "entrypoint", "command", "environment", "hostname",
    "user", "group_add", "read_only", "cap_drop", "cap_add", "security_opt", "tmpfs", "init",
    "mem_limit", "memswap_limit", "mem_reservation", "cpus", "cpuset", "pids_limit", "shm_size",
    "network_mode", "networks", "ports", "volumes", "configs", "secrets",
    "healthcheck", "depends_on", "deploy", "restart", "stop_grace_period", "logging", "labels",
)
# fmt: on
"""What runs, what it may, where it is, how it lives."""

HARDENED = {
    "user": "1000:1000",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "init": True,
    "mem_limit": "16m",
    "memswap_limit": "16m",
    "mem_reservation": "8m",
    "cpus": 0.25,
    "pids_limit": 16,
    "network_mode": "none",
    "restart": "no",
    "stop_grace_period": "1s",
    "logging": {"driver": "local", "options": {"max-file": "5", "max-size": "20m"}},
}
"""A container that prepares a volume. Pulumi never starts its own, so that one carries no limits to take over."""


def service_of(service: Service, view: View, root: Path) -> dict[str, Any]:
    """Return the section of `service`, without image and files.

    Raises:
        ValueError: for an input that Compose would lose, and for a secret in plain sight.
    """
    fields: dict[str, Any] = {}
    for key, value in sorted(service.inputs.items()):
        _refuse_what_a_file_cannot_hold(service.name, key, value)
        if key in _FIELDS:
            name, convert = _FIELDS[key]
            fields[name] = convert(value) if value is not None else None
        elif key not in _ELSEWHERE | _OF_PULUMI:
            raise ValueError(
                f"service {service.name}: the Compose file has no place for the input {key}={value!r};"
                f" give it one in _FIELDS of {Path(__file__).name}"
            )
    capabilities = service.inputs.get("capabilities") or {}
    fields |= {
        "group_add": _groups(service),
        "cap_drop": capabilities.get("drops"),
        "cap_add": capabilities.get("adds"),
        "pids_limit": int(service.labels[PIDS_LABEL]),
        "networks": _networks(service, view),
        "volumes": _volumes(service, view, root),
        "depends_on": _depends_on(service, view),
        "deploy": {"replicas": service.replicas} if service.replicas > 1 else None,
        "logging": {
            "driver": service.inputs["logDriver"],
            "options": dict(sorted((service.inputs.get("logOpts") or {}).items())),
        },
        "labels": dict(sorted(service.labels.items())),
    }
    return {key: value for key, value in fields.items() if value not in (None, [], {})}


def prepare_service(volume: Volume) -> dict[str, Any]:
    """Return the section of a container that does nothing but be created, which gives `volume` its owner."""
    if volume.seed is None:
        raise ValueError(f"volume {volume.name} has no container that prepares it")
    return HARDENED | {
        "command": ["true"],
        "volumes": [f"{volume.key}:{volume.seed.inputs['mounts'][0]['target']}"],
        "labels": dict(sorted(labels_of(volume.seed).items())),
    }


def prepare_name(volume: Volume) -> str:
    """Return the name of that service."""
    return f"prepare-{volume.key}"


def ordered(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a service in the order a person reads them."""
    return {key: fields[key] for key in sorted(fields, key=_ORDER.index)}


def _refuse_what_a_file_cannot_hold(service: str, key: str, value: Any) -> None:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, Secret):
        raise ValueError(f"service {service}: {key} holds a secret, which the Compose file would show; use a file")  # noqa: TRY004 - the plan is wrong, not a type
    if isinstance(value, Unknown):
        raise ValueError(  # noqa: TRY004
            f"service {service}: {key} is known during the update only, and a Compose file cannot wait for it;"
            " give the value in the settings"
        )
    for part in parts:
        _refuse_what_a_file_cannot_hold(service, key, part)


def _groups(service: Service) -> list[str] | None:
    groups: list[str] | None = service.inputs.get("groupAdds")
    if not any(mount["target"] == ENGINE_SOCKET for mount in service.mounts("bind")):
        return groups
    if not groups or len(groups) != 1:
        raise ValueError(f"service {service.name}: mounts the Docker socket and must join its group only; got {groups}")
    return [DOCKER_GID]


def _networks(service: Service, view: View) -> list[str] | dict[str, Any] | None:
    joined: dict[str, Any] = {}
    for network in service.inputs.get("networksAdvanced") or []:
        # Compose adds the service's own name by itself.
        aliases = [alias for alias in network.get("aliases") or [] if alias != service.name]
        joined[view.network(network["name"]).zone] = {"aliases": aliases} if aliases else None
    return joined if any(joined.values()) else list(joined)


def _volumes(service: Service, view: View, root: Path) -> list[Any]:
    volumes: list[Any] = []
    for mount in service.mounts("volume"):
        volume = view.volume(mount["source"])
        if volume.data:
            volumes.append(f"{volume.key}:{mount['target']}" + (":ro" if mount.get("readOnly") else ""))
    volumes.extend(
        {
            "type": "bind",
            "source": compose_path(os.path.normpath(mount["source"]), root),
            "target": mount["target"],
            "read_only": bool(mount.get("readOnly")),
            # A folder that is missing is a mistake; made by the engine it would belong to root.
            "bind": {"create_host_path": False},
        }
        for mount in service.mounts("bind")
    )
    return volumes


def _depends_on(service: Service, view: View) -> dict[str, dict[str, str]]:
    jobs = {other.name for other in view.services if other.job}
    ended, healthy = "service_completed_successfully", "service_healthy"
    conditions = {prepare_name(view.volume(name)): ended for name in service.prepared}
    conditions |= {name: ended if name in jobs else healthy for name in service.after}
    return {name: {"condition": condition} for name, condition in sorted(conditions.items())}
