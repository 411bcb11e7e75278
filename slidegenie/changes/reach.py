"""Networks, published ports, and who may newly reach whom."""

from collections.abc import Iterable
from dataclasses import dataclass

from components.core.labels import ZONE_LABEL

from ..plan.record import Plan, Resource
from ..plan.view import CONTAINER, NETWORK, labels_of
from .compared import Comparison, network_called
from .outcome import Fate
from .services import service_name

_ENGINES_OWN = "bridge"
"""The network that a container joins which names none."""


@dataclass(frozen=True, kw_only=True)
class NetworkChange:
    """A network that comes, goes or changes."""

    name: str
    """Its zone, or its name where it is of none."""
    what: str
    """What becomes of it."""


@dataclass(frozen=True, kw_only=True)
class ReachChange:
    """Services that newly share a network with one."""

    service: str
    """The service."""
    others: tuple[str, ...]
    """The services it may newly reach, and that may newly reach it."""
    outside: bool = False
    """Whether it newly has a way out of the stack."""


@dataclass(frozen=True, kw_only=True)
class PortsChange:
    """Ports of the host that a service publishes, or does not any more."""

    service: str
    """The service."""
    added: tuple[str, ...]
    """Address and port on the host, and the port inside."""
    removed: tuple[str, ...]
    """The same."""


def network_changes(comparison: Comparison) -> list[NetworkChange]:
    """Return what becomes of networks."""
    found = []
    for outcome in comparison.of_type(NETWORK):
        if outcome.fate is not Fate.SAME:
            what = f"{outcome.fate.value}{_way_out(outcome.resource)}"
            if outcome.fate.replaced:
                what = f"made anew, and with it all that is on it: {', '.join(sorted(outcome.changed))}"
            found.append(NetworkChange(name=_zone(outcome.resource), what=what))
    return sorted(found, key=lambda change: change.name)


def reach_changes(comparison: Comparison) -> list[ReachChange]:
    """Return who newly may reach whom: each pair once, with the service that is new where one of them is."""
    renamed = {service_name(o.before): service_name(o.after) for o in comparison.containers if o.before and o.after}
    old = {renamed.get(name, name): zones for name, zones in _zones(comparison.before).items()}
    new = _zones(comparison.after)
    before, after = _pairs(old), _pairs(new)
    out = _with_way_out(comparison.after, new) - {
        renamed.get(name, name) for name in _with_way_out(comparison.before, _zones(comparison.before))
    }
    told: dict[str, set[str]] = {name: set() for name in out}
    # Whoever has most that is new is told of first, and the other ones have not to be.
    left = after - before
    while left:
        count = {name: sum(name in pair for pair in left) for name in set().union(*left)}
        first = min(count, key=lambda name: (name in old, -count[name], name))
        own = {pair for pair in left if first in pair}
        told.setdefault(first, set()).update(set().union(*own) - {first})
        left -= own
    return [
        ReachChange(service=name, others=tuple(sorted(others)), outside=name in out)
        for name, others in sorted(told.items())
    ]


def ports_changes(comparison: Comparison) -> list[PortsChange]:
    """Return the ports that are newly published, and those that are not any more."""
    old, new = _ports(comparison.before), _ports(comparison.after)
    return [
        PortsChange(
            service=name,
            added=tuple(sorted(new.get(name, set()) - old.get(name, set()))),
            removed=tuple(sorted(old.get(name, set()) - new.get(name, set()))),
        )
        for name in sorted(old.keys() | new.keys())
        if old.get(name, set()) != new.get(name, set())
    ]


def _running(plan: Plan) -> Iterable[Resource]:
    return (container for container in plan.of_type(CONTAINER) if container.inputs.get("start") is not False)


def _zones(plan: Plan) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for container in _running(plan):
        zones = found.setdefault(service_name(container), set())
        listed = container.inputs.get("networksAdvanced") or []
        for item in listed:
            network = network_called(plan, str(item["name"]))
            zones.add(_zone(network) if network else str(item["name"]))
        mode = str(container.inputs.get("networkMode") or ("" if listed else _ENGINES_OWN))
        if mode and mode != "none":
            zones.add(mode)
    return found


def _with_way_out(plan: Plan, zones: dict[str, set[str]]) -> set[str]:
    inside = {_zone(network) for network in plan.of_type(NETWORK) if network.inputs.get("internal")}
    return {name for name, joined in zones.items() if joined - inside}


def _pairs(zones: dict[str, set[str]]) -> set[frozenset[str]]:
    return {frozenset((one, two)) for one in zones for two in zones if one < two and zones[one] & zones[two]}


def _zone(network: Resource) -> str:
    return labels_of(network).get(ZONE_LABEL) or str(network.outputs.get("name") or network.name)


def _way_out(network: Resource) -> str:
    return ", without a way out" if network.inputs.get("internal") else ", with a way out"


def _ports(plan: Plan) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for container in _running(plan):
        for port in container.inputs.get("ports") or []:
            protocol = port.get("protocol") or "tcp"
            end = "" if protocol == "tcp" else f"/{protocol}"
            where = f"{port.get('ip') or '0.0.0.0'}:{port.get('external') or 'any'} → {port.get('internal')}{end}"  # noqa: S104 - what the engine does
            found.setdefault(service_name(container), set()).add(where)
    return found
