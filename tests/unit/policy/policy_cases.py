"""Containers to judge: one that keeps every rule, and for each rule what breaks it, in many ways."""

# ruff: noqa: S108 - folders of containers

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.core.policy import ContainerPolicy, Granted, default_policy
from slidegenie.policy.judge import PolicyResult, judge
from slidegenie.policy.normalized import CONTAINER, NETWORK, REMOTE_IMAGE, judged_resource
from slidegenie.policy.rule import UNKNOWN, ProgramFacts

TODAY = datetime.date(2026, 11, 23)
SECRET = "hunter2-never-shown"
IMAGE = "sha256:" + "a" * 64


def mount(source: Any, *, read_only: Any = True, **rest: Any) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": "/mnt", "readOnly": read_only, **rest}


def label(name: str, value: Any) -> dict[str, Any]:
    return {"label": name, "value": value}


def port(external: Any, ip: Any = "127.0.0.1") -> dict[str, Any]:
    return {"internal": 8080, "external": external, "ip": ip}


GOOD: Mapping[str, Any] = {
    "image": IMAGE,
    "user": "1000:1000",
    "readOnly": True,
    "capabilities": {"drops": ["ALL"]},
    "securityOpts": ["no-new-privileges:true"],
    "memory": 64,
    "memorySwap": 64,
    "cpus": "0.5",
    "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m"},
    "logDriver": "local",
    "restart": "unless-stopped",
    "healthcheck": {"tests": ["CMD", "true"]},
    "networksAdvanced": [{"name": "somebodys"}],
    "envs": ["LEVEL=info", "DATABASE_PASSWORD_FILE=/run/secrets/password"],
    "labels": [label("io.slidegenie.pids-limit", "64")],
}
NET: Mapping[str, Any] = {"driver": "bridge", "internal": True, "labels": [label("io.slidegenie.zone", "data")]}
PIDS = 'labels["io.slidegenie.pids-limit"]'
GHP = "ghp_" + "A1" * 18
EDGE = {"labels": [*GOOD["labels"], label("com.docker.compose.service", "traefik")]}


def outcome(
    properties: Mapping[str, Any],
    *,
    kind: str = CONTAINER,
    policy: ContainerPolicy | None = None,
    today: datetime.date = TODAY,
    hidden: frozenset[str] = frozenset(),
    **facts: Any,
) -> PolicyResult:
    """Return what the policy says about one resource called `theirs`."""
    subject = judged_resource(kind, "theirs", properties, hidden=hidden, facts=ProgramFacts(**facts))
    assert subject is not None
    return judge([subject], policy or default_policy(), today)


def broken(properties: Mapping[str, Any], **rest: Any) -> list[tuple[str, str]]:
    """Return rule and path of everything that is wrong."""
    return [(violation.rule, violation.path) for violation in outcome(properties, **rest).violations]


def granting(rule: str, expires: datetime.date, *only: str, container: str = "theirs") -> ContainerPolicy:
    """Return the policy with one more exception."""
    grant = Granted(
        container=container, rule=rule, only=only, reason="agreed with the security team, ticket 7", expires=expires
    )
    return default_policy().model_copy(update={"exceptions": (*default_policy().exceptions, grant)})


@dataclass(frozen=True, kw_only=True)
class Case:
    """How one rule is broken."""

    violate: Mapping[str, Any]
    """Properties that break it."""
    path: str
    """What it then names."""
    missing: tuple[str, ...]
    """Properties that are left out."""
    missed: tuple[str, ...]
    """What it then names: nothing, where the default is the safe one."""
    several: Mapping[str, Any]
    """Properties that break it more than once."""
    paths: tuple[str, ...]
    """What it then names."""
    unknown: Mapping[str, Any]
    """Properties that a preview cannot know."""
    unknown_path: str
    """What it then names."""
    kind: str = CONTAINER
    """Type of the resource."""
    base: Mapping[str, Any] = field(default_factory=lambda: GOOD)
    """Properties that keep every rule."""


CASES: Mapping[str, Case] = {
    "user": Case(
        violate={"user": "0:0"},
        path="user",
        missing=("user",),
        missed=("user",),
        several={"user": "root"},
        paths=("user",),
        unknown={"user": UNKNOWN},
        unknown_path="user",
    ),
    "groups": Case(
        violate={"groupAdds": ["999"]},
        path="groupAdds[0]",
        missing=("groupAdds",),
        missed=(),
        several={"groupAdds": ["999", "docker"]},
        paths=("groupAdds[0]", "groupAdds[1]"),
        unknown={"groupAdds": [UNKNOWN]},
        unknown_path="groupAdds[0]",
    ),
    "privileged": Case(
        violate={"privileged": True},
        path="privileged",
        missing=("privileged",),
        missed=(),
        several={"privileged": "true"},
        paths=("privileged",),
        unknown={"privileged": UNKNOWN},
        unknown_path="privileged",
    ),
    "capabilities": Case(
        violate={"capabilities": {"drops": ["ALL"], "adds": ["CAP_SYS_ADMIN"]}},
        path="capabilities.adds[0]",
        missing=("capabilities",),
        missed=("capabilities.drops",),
        several={"capabilities": {"drops": ["CAP_MKNOD"], "adds": ["net_raw", "ALL"]}},
        paths=("capabilities.drops", "capabilities.adds[0]", "capabilities.adds[1]"),
        unknown={"capabilities": {"drops": ["ALL"], "adds": [UNKNOWN]}},
        unknown_path="capabilities.adds[0]",
    ),
    "noNewPrivileges": Case(
        violate={"securityOpts": ["label=type:container_t"]},
        path="securityOpts",
        missing=("securityOpts",),
        missed=("securityOpts",),
        several={"securityOpts": []},
        paths=("securityOpts",),
        unknown={"securityOpts": [UNKNOWN]},
        unknown_path="securityOpts",
    ),
    "securityProfiles": Case(
        violate={"securityOpts": ["no-new-privileges", "seccomp=unconfined"]},
        path="securityOpts[1]",
        missing=(),
        missed=(),
        several={
            "securityOpts": ["no-new-privileges", "apparmor:unconfined", "label:disable", "systempaths=unconfined"]
        },
        paths=("securityOpts[1]", "securityOpts[2]", "securityOpts[3]"),
        unknown={"securityOpts": ["no-new-privileges", UNKNOWN]},
        unknown_path="securityOpts[1]",
    ),
    "namespaces": Case(
        violate={"pidMode": "host"},
        path="pidMode",
        missing=("pidMode", "ipcMode", "usernsMode"),
        missed=(),
        several={
            "pidMode": "container:other",
            "ipcMode": "host",
            "usernsMode": "host",
            "cgroupnsMode": "host",
            "cgroupParent": "/mine",
        },
        paths=("pidMode", "ipcMode", "usernsMode", "cgroupnsMode", "cgroupParent"),
        unknown={"ipcMode": UNKNOWN},
        unknown_path="ipcMode",
    ),
    "devices": Case(
        violate={"devices": [{"hostPath": "/dev/mem"}]},
        path="devices[0]",
        missing=("devices",),
        missed=(),
        several={
            "devices": [{"hostPath": "/dev/sda"}, {"hostPath": "/dev/kvm"}],
            "gpus": "all",
            "deviceRequests": [{"driver": "nvidia"}],
            "deviceCgroupRules": ["a *:* rwm"],
        },
        paths=("devices[0]", "devices[1]", "deviceRequests[0]", "deviceCgroupRules[0]", "gpus"),
        unknown={"gpus": UNKNOWN},
        unknown_path="gpus",
    ),
    "sysctls": Case(
        violate={"sysctls": {"kernel.shmmax": "1"}},
        path='sysctls["kernel.shmmax"]',
        missing=("sysctls",),
        missed=(),
        several={"sysctls": {"net.ipv4.ip_forward": "1", "net.core.somaxconn": "9", "kernel.msgmax": "1"}},
        paths=('sysctls["kernel.msgmax"]', 'sysctls["net.ipv4.ip_forward"]'),
        unknown={"sysctls": UNKNOWN},
        unknown_path="sysctls",
    ),
    "memory": Case(
        violate={"memorySwap": 128},
        path="memorySwap",
        missing=("memory",),
        missed=("memory",),
        several={"memory": 0, "memorySwap": -1},
        paths=("memory",),
        unknown={"memory": UNKNOWN},
        unknown_path="memory",
    ),
    "cpu": Case(
        violate={"cpus": "0"},
        path="cpus",
        missing=("cpus",),
        missed=("cpus",),
        several={"cpus": "many", "cpuShares": 512},
        paths=("cpus",),
        unknown={"cpus": UNKNOWN},
        unknown_path="cpus",
    ),
    "pids": Case(
        violate={"labels": [label("io.slidegenie.pids-limit", "5000")]},
        path=PIDS,
        missing=("labels",),
        missed=(PIDS,),
        several={"labels": [label("io.slidegenie.pids-limit", "-1")]},
        paths=(PIDS,),
        unknown={"labels": UNKNOWN},
        unknown_path="labels",
    ),
    "ulimits": Case(
        violate={"ulimits": [{"name": "core", "hard": 1, "soft": 0}]},
        path="ulimits[0].hard",
        missing=("ulimits",),
        missed=(),
        several={
            "ulimits": [{"name": "nofile", "hard": -1}, {"name": "rtprio", "hard": 1}, {"name": "nproc", "hard": 9}]
        },
        paths=("ulimits[0].hard", "ulimits[1].name"),
        unknown={"ulimits": [{"name": "nofile", "hard": UNKNOWN}]},
        unknown_path="ulimits[0].hard",
    ),
    "tmpfs": Case(
        violate={"tmpfs": {"/run": "rw,noexec,nosuid,nodev"}},
        path='tmpfs["/run"]',
        missing=("tmpfs",),
        missed=(),
        several={"tmpfs": {"/a": "exec,nosuid,nodev,size=1m", "/b": "noexec,nosuid,nodev,size=0"}},
        paths=('tmpfs["/a"]', 'tmpfs["/b"]'),
        unknown={"tmpfs": {"/a": UNKNOWN}},
        unknown_path='tmpfs["/a"]',
    ),
    "logs": Case(
        violate={"logDriver": "json-file"},
        path="logDriver",
        missing=("logDriver",),
        missed=("logDriver",),
        several={"logDriver": "json-file", "logOpts": {"max-file": "3"}},
        paths=("logDriver",),
        unknown={"logDriver": UNKNOWN},
        unknown_path="logDriver",
    ),
    "restart": Case(
        violate={"restart": "no"},
        path="restart",
        missing=("restart",),
        missed=("restart",),
        several={"restart": "on-failure"},
        paths=("maxRetryCount",),
        unknown={"restart": UNKNOWN},
        unknown_path="restart",
    ),
    "healthCheck": Case(
        violate={"healthcheck": {"tests": ["NONE"]}},
        path="healthcheck.tests",
        missing=("healthcheck",),
        missed=("healthcheck",),
        several={"healthcheck": {"tests": []}},
        paths=("healthcheck",),
        unknown={"healthcheck": {"tests": UNKNOWN}},
        unknown_path="healthcheck.tests",
    ),
    "readOnlyRoot": Case(
        violate={"readOnly": False},
        path="readOnly",
        missing=("readOnly",),
        missed=("readOnly",),
        several={"readOnly": "no"},
        paths=("readOnly",),
        unknown={"readOnly": UNKNOWN},
        unknown_path="readOnly",
    ),
    "network": Case(
        violate={"networkMode": "host"},
        path="networkMode",
        missing=("networksAdvanced",),
        missed=("networksAdvanced",),
        several={"networkMode": "container:other", "networksAdvanced": [{"name": "bridge"}, {"name": "host"}]},
        paths=("networkMode", "networksAdvanced[0].name", "networksAdvanced[1].name"),
        unknown={"networksAdvanced": [{"name": UNKNOWN}]},
        unknown_path="networksAdvanced[0].name",
    ),
    "segments": Case(
        kind=NETWORK,
        base=NET,
        violate={"internal": False},
        path="internal",
        missing=("internal",),
        missed=("internal",),
        several={"driver": "macvlan", "internal": False},
        paths=("driver", "internal"),
        unknown={"internal": UNKNOWN},
        unknown_path="internal",
    ),
    "ports": Case(
        violate={"ports": [port(8080)]},
        path="ports[0]",
        missing=("ports",),
        missed=(),
        several={"ports": [port(8080), port(9090)], "publishAllPorts": True},
        paths=("publishAllPorts", "ports[0]", "ports[1]"),
        unknown={**EDGE, "ports": [port(443, UNKNOWN)]},
        unknown_path="ports[0].ip",
    ),
    "hostMounts": Case(
        violate={"mounts": [mount("/var/run/docker.sock")]},
        path="mounts[0].source",
        missing=("mounts",),
        missed=(),
        several={
            "mounts": [mount("/etc"), mount("/srv/data"), mount("/")],
            "volumes": [{"hostPath": "/proc", "readOnly": True}, {"fromContainer": "other"}],
        },
        paths=("mounts[0].source", "mounts[2].source", "volumes[0].hostPath", "volumes[1].fromContainer"),
        unknown={"mounts": [mount(UNKNOWN)]},
        unknown_path="mounts[0].source",
    ),
    "readOnlyMounts": Case(
        violate={"mounts": [mount("/srv", read_only=False)]},
        path="mounts[0].readOnly",
        missing=("mounts",),
        missed=(),
        several={
            "mounts": [mount("/srv", read_only=None), mount("/opt", bindOptions={"propagation": "rshared"})],
            "volumes": [{"hostPath": "/srv"}],
        },
        paths=("mounts[0].readOnly", "mounts[1].bindOptions.propagation", "volumes[0].readOnly"),
        unknown={"mounts": [mount("/srv", read_only=UNKNOWN)]},
        unknown_path="mounts[0].readOnly",
    ),
    "imageSource": Case(
        kind=REMOTE_IMAGE,
        base={"name": "docker.io/library/redis:8"},
        violate={"name": "evil.example/redis:8"},
        path="name",
        missing=("name",),
        missed=("name",),
        several={"name": "someone/redis:8"},
        paths=("name",),
        unknown={"name": UNKNOWN},
        unknown_path="name",
    ),
    "imagePinned": Case(
        violate={"image": "redis:8"},
        path="image",
        missing=("image",),
        missed=("image",),
        several={"image": "redis"},
        paths=("image",),
        unknown={"image": UNKNOWN},
        unknown_path="image",
    ),
    "secrets": Case(
        violate={"envs": [f"DB_PASSWORD={SECRET}"]},
        path='envs["DB_PASSWORD"]',
        missing=("envs",),
        missed=(),
        several={
            "envs": ["LEVEL=info", f"CACHE=redis://me:{SECRET}@cache:6379", f"api_token={SECRET}"],
            "command": ["serve", f"--password={SECRET}", f"--token {SECRET}"],
            "entrypoints": ["sh", "-c", f"export DB_PASSWORD={SECRET} && run"],
            "healthcheck": {"tests": ["CMD", "ask", "--secret-key", SECRET]},
            "labels": [*GOOD["labels"], label("note", GHP)],
            "logOpts": {"url": f"https://me:{SECRET}@logs.example"},
        },
        paths=(
            'envs["CACHE"]',
            "envs[2]",
            "command[1]",
            "command[2]",
            "entrypoints[2]",
            "healthcheck.tests[2]",
            'logOpts["url"]',
            "labels[1].value",
        ),
        unknown={"envs": ["LEVEL=info", UNKNOWN]},
        unknown_path="envs[1]",
    ),
}
