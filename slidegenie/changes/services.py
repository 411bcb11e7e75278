"""What a change does to services: the containers of one name together."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.core.labels import CONFIG_LABEL, PIDS_LABEL, SERVICE_LABEL

from ..plan.record import Resource
from ..plan.view import labels_of, role_of
from .compared import Comparison, volume_called
from .files import changed_files
from .outcome import UNNOTICED, Fate, Outcome

_SWAPPED = "traefik."
_SERVERS = ".loadbalancer.server."
"""In labels for the proxy: what may differ between old and new replicas."""
_WORDS = {
    "capabilities": "capabilities",
    "cpuSet": "cores",
    "cpus": "CPUs",
    "entrypoints": "entry point",
    "groupAdds": "groups",
    "healthcheck": "health check",
    "image": "image",
    "logDriver": "log",
    "logOpts": "log",
    "memoryReservation": "memory reservation",
    "memorySwap": "swap",
    "networkMode": "networks",
    "networksAdvanced": "networks",
    "ports": "published ports",
    "readOnly": "read-only root",
    "securityOpts": "security options",
    "shmSize": "shared memory",
    "stopTimeout": "time to stop",
    "tmpfs": "folders in memory",
}
"""Inputs of a container, as people call them; others by their own names."""


class Kind(enum.StrEnum):
    """What becomes of a service."""

    RECREATED = "recreated with a gap"
    ROLLED = "rolled without a gap"
    SCALED = "more or fewer containers, the others stay"
    IN_PLACE = "changed in place"
    RERUN = "run again"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, kw_only=True)
class ServiceChange:
    """What becomes of one service."""

    name: str
    """Its name."""
    kind: Kind
    """What becomes of it."""
    because: tuple[str, ...] = ()
    """What of it changes, without values but those of limits."""
    notes: tuple[str, ...] = ()
    """What else somebody should know."""


def service_name(container: Resource) -> str:
    """Return the name people use."""
    return labels_of(container).get(SERVICE_LABEL, container.name)


def service_changes(comparison: Comparison) -> list[ServiceChange]:
    """Return what becomes of each service that changes, by name."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in comparison.containers:
        groups.setdefault(service_name(outcome.resource), []).append(outcome)
    found = (_change(comparison, name, groups[name]) for name in sorted(groups))
    return [change for change in found if change is not None]


def _change(comparison: Comparison, name: str, group: Sequence[Outcome]) -> ServiceChange | None:
    fates = {outcome.fate for outcome in group}
    if fates == {Fate.SAME}:
        return None
    because = tuple(dict.fromkeys(line for outcome in group for line in _reasons(comparison, outcome)))
    notes = []
    kind, gap = _kind(group)
    if not because and comparison.told is not None and any(fate.replaced for fate in fates):
        because = ("the one that is there failed, or is gone",)
    if gap:
        notes.append(gap)
    if kind is Kind.RECREATED:
        notes += _felt(comparison, name, group)
    before, after = (
        sum(r is not None for r in side) for side in zip(*((o.before, o.after) for o in group), strict=True)
    )
    if before != after and kind not in (Kind.ADDED, Kind.REMOVED):
        because = (f"containers {before} → {after}", *because)
    elif kind in (Kind.ADDED, Kind.REMOVED) and before + after > 1:
        notes.append(f"{before + after} containers")
    return ServiceChange(name=name, kind=kind, because=because, notes=tuple(notes))


def _kind(group: Sequence[Outcome]) -> tuple[Kind, str | None]:
    """Return what becomes of a service, and why there is a gap where that cannot be seen from the order."""
    fates = {outcome.fate for outcome in group}
    job = all(role_of(outcome.resource) == "job" for outcome in group)
    for fate, kind in ((Fate.ADDED, Kind.ADDED), (Fate.REMOVED, Kind.REMOVED)):
        if fates == {fate}:
            return kind, None
    if job:
        replaced = any(fate.replaced for fate in fates) or Fate.ADDED in fates
        return (Kind.RERUN if replaced else Kind.IN_PLACE), None
    if Fate.AFTER in fates:
        rolls = any(o.fate is Fate.AFTER and o.resource.delete_before_replace is False for o in group)
        first = "it uses something that Pulumi deletes first, and goes with that, though it rolls otherwise"
        return Kind.RECREATED, first if rolls else None
    if {Fate.ADDED, Fate.REMOVED} <= fates:
        return _renamed(group)
    if Fate.BESIDE in fates:
        gaps = (_gap_beside(o.before, o.after) for o in group if o.fate is Fate.BESIDE and o.before and o.after)
        gap = next((gap for gap in gaps if gap), None)
        return (Kind.RECREATED if gap else Kind.ROLLED), gap
    return (Kind.SCALED if fates & {Fate.ADDED, Fate.REMOVED} else Kind.IN_PLACE), None


def _renamed(group: Sequence[Outcome]) -> tuple[Kind, str | None]:
    """Return what becomes of a service whose resources have other names, which nothing connects with the old ones."""
    new = next(o.after for o in group if o.fate is Fate.ADDED and o.after)
    if new.delete_before_replace is False and not new.inputs.get("ports"):
        return Kind.ROLLED, "its resources have other names, without an alias: new ones are made, the old ones go last"
    return Kind.RECREATED, (
        "its resources have other names, without an alias: the new one starts while the old one still has port or"
        " data, and may fail"
    )


def _gap_beside(before: Resource, after: Resource) -> str | None:
    """Return why a container that is made beside the old one leaves a gap all the same; `None` where it does not."""
    if not (after.inputs.get("wait") and after.inputs.get("healthcheck")):
        return "nobody waits until the new one is healthy"
    old, new = ({(p.get("ip"), p.get("external")) for p in r.inputs.get("ports") or []} for r in (before, after))
    if old & new:
        return "the new one cannot publish a port that the old one still has"
    said = [
        {key: value for key, value in labels_of(r).items() if key.startswith(_SWAPPED) and _SERVERS not in key}
        for r in (before, after)
    ]
    if said[0] and said[1] and said[0] != said[1]:
        return (
            "old and new tell the proxy different things of the service, and it drops both until the old ones are gone"
        )
    return None


def _felt(comparison: Comparison, name: str, group: Sequence[Outcome]) -> Iterator[str]:
    """Yield how long a service is away at most, and who notices."""
    after = next((outcome.after for outcome in group if outcome.after and outcome.before), None)
    if after is not None and (start := after.inputs.get("waitTimeout")):
        stop = after.inputs.get("destroyGraceSeconds") or 0
        yield f"away from its stop (at most {stop} s) until the new one is healthy (at most {start} s)"
    urns = {outcome.after.urn for outcome in group if outcome.after}
    if any(outcome.resource.inputs.get("ports") for outcome in group):
        yield "its published ports answer nobody meanwhile"
    users = {
        service_name(o.after)
        for o in comparison.containers
        if o.after and urns & set(o.after.dependencies) and role_of(o.after) != "job"
    } - {name}
    if users:
        yield f"without it meanwhile: {', '.join(sorted(users))}"


def _reasons(comparison: Comparison, outcome: Outcome) -> Iterator[str]:
    before, after = outcome.before, outcome.after
    if before is None or after is None:
        return
    limits = {"memory", "memorySwap", "memoryReservation"} & outcome.changed
    if "memory" in limits:
        yield f"memory {before.inputs.get('memory')} → {after.inputs.get('memory')} MiB"
    for key in sorted(outcome.changed - (limits if "memory" in limits else set())):
        if key == "cpus":
            yield f"CPUs {_number(before)} → {_number(after)}"
        elif key == "envs":
            yield from _environment(before, after)
        elif key == "labels":
            yield from _labels(before, after)
        elif key == "mounts":
            yield from _mounts(comparison, before, after)
        elif key in UNNOTICED:
            yield f"{key}, from its next start on"
        # The provider's own name for it, which follows from the rest.
        elif key != "name" or key in after.inputs:
            yield _WORDS.get(key, key)


def _number(container: Resource) -> str:
    return f"{float(container.inputs.get('cpus') or 0):g}"


def _environment(before: Resource, after: Resource) -> Iterator[str]:
    old, new = (_variables(r) for r in (before, after))
    if old is None or new is None:
        yield "environment"
        return
    if names := sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)):
        yield f"environment: {', '.join(names)}"


def _variables(container: Resource) -> dict[str, str] | None:
    """Return the variables; `None` where they are a secret, all of them or one."""
    listed = container.inputs.get("envs") or []
    if not (isinstance(listed, list) and all(isinstance(item, str) for item in listed)):
        return None
    return {name: value for name, _, value in (item.partition("=") for item in listed)}


def _labels(before: Resource, after: Resource) -> Iterator[str]:
    old, new = labels_of(before), labels_of(after)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name) or name == CONFIG_LABEL:
            continue
        yield f"processes {old.get(name)} → {new.get(name)}" if name == PIDS_LABEL else f"label {name}"


def _mounts(comparison: Comparison, before: Resource, after: Resource) -> Iterator[str]:
    old, new = ({mount["target"]: mount for mount in r.inputs.get("mounts") or []} for r in (before, after))
    for target in sorted(old.keys() | new.keys()):
        if target not in old or target not in new:
            yield f"{'a mount more' if target in new else 'a mount less'}: {target}"
            continue
        yield from _mount(comparison, target, old[target], new[target])


def _mount(comparison: Comparison, target: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    former, volume = volume_called(comparison.before, old["source"]), volume_called(comparison.after, new["source"])
    if former is None or volume is None or comparison.volumes[volume.place].before is not former:
        if old != new:
            yield f"mount {target}"
    elif comparison.volumes[volume.place].fate.replaced:
        names = ", ".join(changed_files(comparison, former, volume))
        yield f"files in {target}: {names}" if names else f"volume at {target}"
    elif (old.get("readOnly"), old.get("type")) != (new.get("readOnly"), new.get("type")):
        yield f"mount {target}"
