"""The rules of `security/container-security.yml`: what each of them says, and what can be set on it."""

import json
import re
from typing import Annotated, Any

from pydantic import Field, field_validator

from ..settings.base import Section
from ..settings.references import RegistryPath

_REFUSALS = ("SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD")
_Words = Annotated[str, Field(min_length=10)]
_Absolute = Annotated[str, Field(pattern=r"^/\S*$", examples=["/var/run/docker.sock"])]


class Rule(Section):
    """What every rule says."""

    title: _Words
    """What has to be true."""
    danger: _Words
    """What happens where it is not."""
    fix: _Words
    """How to make it true."""
    cis: tuple[Annotated[str, Field(pattern=r"^[45]\.[0-9]+$", examples=["5.12"])], ...] = ()
    """Items of the CIS Docker Benchmark that it answers."""
    swarm: _Words | None = None
    """Why a Swarm service cannot be judged by it, and what to do instead. Default: it is judged like a container."""


class Proven(Section):
    """A capability that a service was seen to need."""

    container: str
    """The service's name."""
    capability: Annotated[str, Field(pattern=r"^CAP_[A-Z_]+$", examples=["CAP_NET_BIND_SERVICE"])]
    """The capability."""
    reason: _Words
    """What fails without it."""


class CapabilitiesRule(Rule):
    """Which capabilities are left."""

    proven: tuple[Proven, ...] = ()
    """What may be added, by service."""


class ProfilesRule(Rule):
    """Which options of the engine's protection may be set."""

    allowed: tuple[Annotated[str, Field(pattern=r"^[a-z-]+(=.+)?$", examples=["apparmor=docker-default"])], ...]
    """Security options, `name=value`; any other may not be set, but for a seccomp profile that refuses by default."""

    def allows(self, option: str) -> bool:
        """Tell whether a security option is one of these, `name:value` being `name=value`; the engine takes both."""
        name, value = split_option(option)
        if (f"{name}={value}" if value else name) in self.allowed:
            return True
        return name == "seccomp" and _refuses_by_default(value)


def split_option(option: str) -> tuple[str, str]:
    """Return name and value of a security option as the engine does: at `=`, and where there is none at `:`."""
    name, _, value = option.strip().partition("=" if "=" in option else ":")
    return name.lower(), value


def _refuses_by_default(profile: str) -> bool:
    try:
        content = json.loads(profile, object_pairs_hook=_each_key_once)
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("defaultAction") in _REFUSALS


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. The engine tells no case apart and takes the last of two keys: there may be one only.

    Raises:
        ValueError: when there are more.
    """
    if len({key.casefold() for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


class SysctlsRule(Rule):
    """Which kernel settings may be changed."""

    allowed: tuple[str, ...] = ()
    """Their names."""


class PidsRule(Rule):
    """How many processes there may be."""

    max: Annotated[int, Field(ge=1)]
    """The highest limit."""


class UlimitsRule(Rule):
    """How far a limit of the engine may be raised."""

    ceilings: dict[str, Annotated[int, Field(ge=0)]]
    """The highest value by name; a name that is not here may not be set."""


class TmpfsRule(Rule):
    """How folders in memory are mounted."""

    options: tuple[str, ...]
    """Mount options they need, besides a size."""


class LogsRule(Rule):
    """Where logs go."""

    rotating: tuple[str, ...]
    """Drivers that need no further option; any other must say `max-size`."""


class RestartRule(Rule):
    """What happens when a server ends."""

    allowed: tuple[str, ...]
    """Restart policies."""
    max_retries: Annotated[int, Field(ge=1)]
    """With `on-failure`: attempts at most."""


class NetworkRule(Rule):
    """Which networks a container is on."""

    members: dict[str, tuple[str, ...]] = Field(default={})
    """Services that may be on the networks of a zone (label `io.slidegenie.zone`); a zone that is not here is open."""


class SegmentsRule(Rule):
    """How networks are made."""

    drivers: tuple[str, ...]
    """Network drivers."""
    internal_zones: tuple[str, ...]
    """Zones (label `io.slidegenie.zone`) without a way out."""


class PortsRule(Rule):
    """Who publishes ports."""

    publishers: tuple[str, ...]
    """Services that may."""
    privileged: tuple[Annotated[int, Field(ge=1, le=1023)], ...] = ()
    """Ports below 1024 that they may publish."""


class HostMountsRule(Rule):
    """What of the host is out of reach."""

    forbidden: tuple[_Absolute, ...]
    """Folders, with all below and above them; `*` stands for anything in one name."""
    volume_types: tuple[str, ...]
    """File systems that a volume may be, besides a folder that is bound (`type: none`, `o: bind`)."""
    sockets: tuple[str, ...]
    """Names of sockets, in whatever folder, on the host or in the container; `*` stands for anything."""


class ImageSourceRule(Rule):
    """Where images come from."""

    registries: tuple[RegistryPath, ...]
    """Registries, each with as much of the path as counts. A name without registry is one of `docker.io`."""


class SecretsRule(Rule):
    """What looks like a secret."""

    names: str
    """Regular expression: variables whose value is one."""
    options: str
    """Regular expression: options of a command whose value is one."""
    logins: str
    """Regular expression: an option and its value, apart by one space, which are a user with a password."""
    values: dict[str, str]
    """Regular expressions by what they find: no text may contain it."""

    @field_validator("names", "options", "logins", "values")
    @classmethod
    def _can_be_read(cls, value: str | dict[str, str]) -> str | dict[str, str]:
        for expression in [value] if isinstance(value, str) else value.values():
            try:
                re.compile(expression)
            except re.error as error:
                raise ValueError(f"must be regular expressions; got {expression!r}: {error}") from None
        return value


class Rules(Section):
    """All rules. Each is there: what does not fit is an exception, with a reason and an end."""

    user: Rule
    """Numeric and not root."""
    groups: Rule
    """No further ones."""
    privileged: Rule
    """Never."""
    capabilities: CapabilitiesRule
    """All dropped."""
    no_new_privileges: Rule
    """Set."""
    security_profiles: ProfilesRule
    """On."""
    namespaces: Rule
    """Its own."""
    devices: Rule
    """None."""
    sysctls: SysctlsRule
    """Harmless ones only."""
    memory: Rule
    """Limited, without swap."""
    cpu: Rule
    """Limited."""
    pids: PidsRule
    """Limited."""
    ulimits: UlimitsRule
    """Not raised."""
    tmpfs: TmpfsRule
    """Sized, nothing executable."""
    logs: LogsRule
    """Rotated."""
    restart: RestartRule
    """By itself, not for ever."""
    health_check: Rule
    """Every server."""
    read_only_root: Rule
    """Set."""
    network: NetworkRule
    """None of the host's."""
    segments: SegmentsRule
    """No way out where none is needed."""
    ports: PortsRule
    """The edge only."""
    host_mounts: HostMountsRule
    """Nothing that rules the host."""
    read_only_mounts: Rule
    """Whatever is mounted of the host."""
    image_source: ImageSourceRule
    """From a listed registry, or built here."""
    image_pinned: Rule
    """By ID or digest."""
    secrets: SecretsRule
    """Never where people and tools look."""

    def named(self, identity: str) -> Rule:
        """Return the rule that the file calls `identity`."""
        rule: Rule = getattr(self, RULE_FIELDS[identity])
        return rule


RULE_FIELDS = {str(field.alias): name for name, field in Rules.model_fields.items()}
"""Attribute by the rule's name in the file."""
