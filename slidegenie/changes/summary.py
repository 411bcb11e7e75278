"""All that a change does to a stack."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..plan.record import Resource
from ..plan.view import BUILT, CONTAINER, NETWORK, PASSWORD, PULLED, VOLUME
from .compared import Comparison
from .files import FilesChange, RouteChange, files_changes, route_changes, seeds_made_again
from .outcome import Fate
from .reach import NetworkChange, PortsChange, ReachChange, network_changes, ports_changes, reach_changes
from .services import ServiceChange, service_changes
from .stock import (
    DataChange,
    ImageChange,
    LimitsChange,
    SecretChange,
    data_changes,
    image_changes,
    limits_change,
    secret_changes,
)

_TOLD = (BUILT, CONTAINER, NETWORK, PASSWORD, PULLED, VOLUME)


@dataclass(frozen=True, kw_only=True)
class PolicyChange:
    """What the container policy finds in one of both only, each as `rule: resource: what`."""

    new: tuple[str, ...] = ()
    """What it finds from now on."""
    gone: tuple[str, ...] = ()
    """What it does not find any more."""
    notes: tuple[str, ...] = ()
    """What happened to the policy itself."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a change does to a stack. Holds no value of a secret."""

    stack: str
    """The stack."""
    services: Sequence[ServiceChange] = ()
    """Services that change."""
    data: Sequence[DataChange] = ()
    """Volumes of data that are touched."""
    files: Sequence[FilesChange] = ()
    """Files that change while their reader runs."""
    images: Sequence[ImageChange] = ()
    """Images that are other ones."""
    networks: Sequence[NetworkChange] = ()
    """Networks that change."""
    reach: Sequence[ReachChange] = ()
    """Who newly may reach whom."""
    ports: Sequence[PortsChange] = ()
    """Published ports."""
    routes: Sequence[RouteChange] = ()
    """Routes of the edge."""
    limits: LimitsChange
    """What all servers together may use."""
    policy: PolicyChange = PolicyChange()
    """What the container policy says newly."""
    secrets: Sequence[SecretChange] = ()
    """Secrets, by name."""
    others: Sequence[str] = ()
    """What else is declared otherwise."""

    @property
    def nothing(self) -> bool:
        """Whether nothing changes."""
        plain = asdict(self)
        same = all(before == after for before, after in plain.pop("limits").values())
        return same and not any(plain.pop("policy").values()) and not any(v for k, v in plain.items() if k != "stack")

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def changes_of(
    comparison: Comparison, *, policy: PolicyChange | None = None, given: Sequence[SecretChange] = ()
) -> Changes:
    """Return what a change does; `given` has the secrets that somebody gave, which no plan knows."""
    return Changes(
        stack=comparison.after.stack,
        services=service_changes(comparison),
        data=data_changes(comparison),
        files=files_changes(comparison),
        images=image_changes(comparison),
        networks=network_changes(comparison),
        reach=reach_changes(comparison),
        ports=ports_changes(comparison),
        routes=route_changes(comparison),
        limits=limits_change(comparison),
        policy=policy or PolicyChange(),
        secrets=[*given, *secret_changes(comparison)],
        others=_others(comparison),
    )


def _others(comparison: Comparison) -> list[str]:
    found = [
        f"{outcome.resource.type} {outcome.resource.name}: {outcome.fate.value}"
        for outcome in comparison.outcomes
        if outcome.resource.type not in _TOLD and outcome.fate is not Fate.SAME
    ]
    found += [
        f"container {outcome.after.name}: {said}"
        for outcome in comparison.containers
        if outcome.before and outcome.after and (said := _order(outcome.before, outcome.after))
    ]
    if again := seeds_made_again(comparison):
        found.append(f"{again} containers that prepare volumes are made again, with the files that are there already")
    return found


def _order(before: Resource, after: Resource) -> str | None:
    """Return what becomes of the order in which old and new one change places, in rollouts to come."""
    old, new = before.delete_before_replace, after.delete_before_replace
    if old is None or old == new:
        return None
    return "from now on the new one comes first" if new is False else "from now on the old one goes first"
