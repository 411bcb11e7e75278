"""What is judged: a recorded plan, without an engine, or what `docker inspect` says; the same rules read both."""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from prometheus_client import CollectorRegistry, Gauge
from pulumi.output import Unknown
from pulumi.runtime import rpc

from components.core.labels import ROLE_LABEL
from components.core.policy import ContainerPolicy

from ..plan.record import Plan, Resource, Secret
from .judge import PolicyResult, judge
from .normalized import (
    CONTAINER,
    NETWORK,
    REMOTE_IMAGE,
    VOLUME,
    built_tags,
    judged_resource,
    plain,
    pushed_repositories,
    zone_of,
)
from .rule import RUNNING, JudgedResource, ProgramFacts

_NEVER = "0001-01-01T00:00:00Z"
_MODES = ("host", "none")
ENGINE_NETWORKS = frozenset({"bridge", *_MODES})
"""Networks that the engine has by itself."""


def judged_container(inspected: Mapping[str, Any], *, cgroup_v2: bool, facts: ProgramFacts) -> JudgedResource | None:
    """Return a container that the engine knows. `around` has the images that its plan vouches for."""
    properties = _properties(inspected, cgroup_v2=cgroup_v2)
    name = str(inspected["Name"]).lstrip("/")
    known = replace(facts, planned=False, pulled=facts.pulled | {str(inspected["Image"])})
    return judged_resource(CONTAINER, name, properties, facts=known)


def judged_volume(inspected: Mapping[str, Any]) -> JudgedResource | None:
    """Return a volume that the engine knows."""
    return judged_resource(VOLUME, str(inspected["Name"]), {"driverOpts": inspected.get("Options")})


def judged_network(inspected: Mapping[str, Any]) -> JudgedResource | None:
    """Return a network that the engine knows."""
    return judged_resource(NETWORK, str(inspected["Name"]), _network(inspected))


def zones_of(networks: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the zone of each network, by its name and by its ID."""
    return {str(network[key]): zone_of(_network(network)) for network in networks for key in ("Name", "Id")}


def metrics(outcome: PolicyResult) -> CollectorRegistry:
    """Return what the monitoring is told of the verdict: the rules each service breaks.

    What only fills a volume and never runs is left out while it breaks none: its name changes with each release.
    """
    broken = Counter(violation.container for violation in outcome.violations)
    told = CollectorRegistry()
    about = "Rules of the container policy that what runs breaks."
    gauge = Gauge("slidegenie_policy_violations", about, ["container"], registry=told)
    for name in {*outcome.services(RUNNING), *broken}:
        gauge.labels(name).set(broken[name])
    return told


def _properties(inspected: Mapping[str, Any], *, cgroup_v2: bool) -> dict[str, Any]:
    host, config = inspected["HostConfig"], inspected["Config"]
    labels = config.get("Labels") or {}
    never_started = inspected["State"].get("StartedAt") == _NEVER
    mode = str(host.get("NetworkMode") or "")
    shared = mode if mode in _MODES or mode.startswith("container:") else ""
    return {
        "user": config.get("User"),
        "groupAdds": host.get("GroupAdd"),
        "readOnly": host.get("ReadonlyRootfs"),
        "privileged": host.get("Privileged"),
        "capabilities": {"adds": host.get("CapAdd"), "drops": host.get("CapDrop")},
        "securityOpts": _security_options(inspected),
        "pidMode": host.get("PidMode"),
        "ipcMode": host.get("IpcMode"),
        "utsMode": host.get("UTSMode"),
        "usernsMode": host.get("UsernsMode"),
        # With the first version of control groups the host's is what the engine gives to everybody.
        "cgroupnsMode": host.get("CgroupnsMode") if cgroup_v2 else None,
        "cgroupParent": host.get("CgroupParent"),
        "devices": [{"hostPath": device.get("PathOnHost")} for device in host.get("Devices") or []],
        "deviceRequests": host.get("DeviceRequests"),
        "runtime": host.get("Runtime"),
        "deviceCgroupRules": host.get("DeviceCgroupRules"),
        "sysctls": host.get("Sysctls"),
        "ulimits": [{"name": limit["Name"], "hard": limit["Hard"]} for limit in host.get("Ulimits") or []],
        "memory": host.get("Memory"),
        "memorySwap": host.get("MemorySwap"),
        "cpus": host.get("NanoCpus"),
        "cpuQuota": host.get("CpuQuota"),
        "pidsLimit": host.get("PidsLimit") or 0,
        "tmpfs": host.get("Tmpfs"),
        "logDriver": host["LogConfig"].get("Type"),
        "logOpts": host["LogConfig"].get("Config"),
        "restart": host["RestartPolicy"].get("Name"),
        "maxRetryCount": host["RestartPolicy"].get("MaximumRetryCount"),
        "healthcheck": {"tests": (config.get("Healthcheck") or {}).get("Test")},
        "start": not never_started,
        "mustRun": labels.get(ROLE_LABEL) == "server" or (ROLE_LABEL not in labels and not never_started),
        # The mode says `bridge` even where the container has left that network: what counts is what it is on.
        "networkMode": shared,
        "networksAdvanced": [] if shared else [{"name": name} for name in inspected["NetworkSettings"]["Networks"]],
        "publishAllPorts": host.get("PublishAllPorts"),
        "ports": list(_ports(host.get("PortBindings") or {})),
        "mounts": [_mount(mount) for mount in inspected.get("Mounts") or [] if mount.get("Type") == "bind"],
        "volumes": [{"fromContainer": other} for other in host.get("VolumesFrom") or []],
        "image": config.get("Image"),
        "envs": config.get("Env"),
        "command": config.get("Cmd"),
        "entrypoints": config.get("Entrypoint"),
        "labels": _labels(labels),
    }


def _network(inspected: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "driver": inspected.get("Driver"),
        "internal": inspected.get("Internal"),
        "labels": _labels(inspected.get("Labels") or {}),
    }


def _labels(labels: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"label": label, "value": value} for label, value in sorted(labels.items())]


def _security_options(inspected: Mapping[str, Any]) -> list[str]:
    options = list(inspected["HostConfig"].get("SecurityOpt") or [])
    # Empty where the host has no AppArmor at all.
    profile = inspected.get("AppArmorProfile")
    if profile and not any(option.startswith("apparmor") for option in options):
        options.append(f"apparmor={profile}")
    return options


def _ports(bindings: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for internal, places in sorted(bindings.items()):
        for place in places or []:
            port = place.get("HostPort") or "0"
            yield {"internal": internal.partition("/")[0], "external": port, "ip": place.get("HostIp")}


def _mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    propagation = {"propagation": mount.get("Propagation")}
    return {
        "type": "bind",
        "source": mount.get("Source"),
        "target": mount.get("Destination"),
        "readOnly": not mount.get("RW"),
        "bindOptions": propagation,
    }


def judge_plan(plan: Plan, policy: ContainerPolicy, today: datetime.date) -> PolicyResult:
    """Return what `policy` says on `today` about everything in `plan`."""
    return judge(judged_resources(plan), policy, today)


def judged_resources(plan: Plan) -> Iterator[JudgedResource]:
    """Yield what rules are about, by name: the order in which a program registers replicas is another one each time."""
    facts = facts_of(plan)
    for resource in sorted(plan.resources, key=lambda resource: resource.name):
        properties, hidden = _plain(resource)
        subject = judged_resource(resource.type, resource.name, properties, hidden=hidden, facts=facts)
        if subject is not None:
            yield subject


def facts_of(plan: Plan) -> ProgramFacts:
    """Return the images that the program builds, pushes or pulls, and the zones of its networks."""
    inputs = [(resource.type, _plain(resource)[0]) for resource in plan.resources]
    built = frozenset(tag for kind, properties in inputs for tag in built_tags(kind, properties))
    pushed = frozenset(place for kind, properties in inputs for place in pushed_repositories(kind, properties))
    # A plan has no engine to ask for image IDs: a RemoteImage's own name stands for its ID.
    pulled = frozenset(str(image.outputs.get("imageId")) for image in plan.of_type(REMOTE_IMAGE))
    zones = {
        called: zone_of(_plain(network)[0])
        for network in plan.of_type(NETWORK)
        for called in (str(network.outputs["name"]), network.id)
    }
    return ProgramFacts(built=built, pushed=pushed, pulled=pulled, planned=True, zones=zones)


def _plain(resource: Resource) -> tuple[dict[str, object], frozenset[str]]:
    properties, hidden = plain(
        resource.inputs,
        lambda value: isinstance(value, Unknown) or value == rpc.UNKNOWN,
        lambda value: value.value if isinstance(value, Secret) else value,
    )
    return properties, hidden
