"""Containers to judge: one that keeps every rule, and for each rule what breaks it."""

# ruff: noqa: S108 - folders of containers

import datetime
from collections.abc import Mapping
from typing import Any

from components.core.policy import ContainerPolicy, Granted, default_policy
from slidegenie.policy import judge
from slidegenie.policy.judge import PolicyResult
from slidegenie.policy.normalized import CONTAINER, judged_resource
from slidegenie.policy.rule import ProgramFacts

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
