"""Two plans of one stack side by side: which resource is which, and what becomes of each."""

import json
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from components.core.labels import CONFIG_LABEL
from components.settings.references import repository_of

from ..plan.record import Plan, Resource, Secret
from ..plan.view import BUILT, CONTAINER, NETWORK, PULLED, VOLUME, pushed_by_digest, role_of
from .outcome import Fate, Outcome, own_fate, replacement

_SETS = frozenset({"envs", "groupAdds", "labels", "mounts", "networksAdvanced", "ports", "securityOpts", "uploads"})
"""Inputs of a container whose order says nothing."""
_REFERENCES = {"mounts": (VOLUME, "source"), "networksAdvanced": (NETWORK, "name")}
"""Inputs of a container that name other resources: their type, and where the name is in each item."""


@dataclass(frozen=True)
class Comparison:
    """What a stack is, and what it shall be."""

    before: Plan
    """What it is: a plan, or what the state says."""
    after: Plan
    """What it shall be."""
    rebuilt: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By place of an image that is built: the changed files it is made of."""
    told: Mapping[str, tuple[Fate, AbstractSet[str]]] | None = None
    """By place in `after`, or in `before` for what goes: what Pulumi says of it. Default: it follows from the plans."""

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """What becomes of each resource; components are left out."""
        found = self._told() if self.told is not None else self._derived()
        return [*found, *self._removed]

    def of_type(self, *kinds: str) -> list[Outcome]:
        """Return what becomes of the resources of some types."""
        return [outcome for outcome in self.outcomes if outcome.resource.type in kinds]

    @property
    def containers(self) -> list[Outcome]:
        """What becomes of servers and jobs."""
        return [o for o in self.of_type(CONTAINER) if role_of(o.resource) != "seed"]

    @property
    def seeds(self) -> list[Outcome]:
        """What becomes of the containers that only prepare volumes."""
        return [o for o in self.of_type(CONTAINER) if role_of(o.resource) == "seed"]

    @cached_property
    def volumes(self) -> dict[str, Outcome]:
        """What becomes of each volume, by its place; of one that is renamed by both."""
        outcomes = self.of_type(VOLUME)
        return {r.place: o for o in outcomes for r in (o.before, o.after) if r is not None}

    @cached_property
    def _former(self) -> dict[str, Resource]:
        """What each resource of `after` was in `before`, by its place."""
        there = {resource.place: resource for resource in self.before.resources if resource.custom}
        found: dict[str, Resource] = {}
        wanted = [resource for resource in self.after.resources if resource.custom]
        for resource in wanted:
            if resource.place in there:
                found[resource.place] = there.pop(resource.place)
        for resource in wanted:
            if resource.place not in found:
                former = next((alias for alias in _places(resource.aliases) if alias in there), None)
                if former is not None:
                    found[resource.place] = there.pop(former)
        return found

    @cached_property
    def _removed(self) -> list[Outcome]:
        kept = {resource.place for resource in self._former.values()}
        gone = (resource for resource in self.before.resources if resource.custom and resource.place not in kept)
        return [Outcome(Fate.REMOVED, resource, None) for resource in gone]

    def _pairs(self) -> Iterator[tuple[Resource | None, Resource]]:
        for resource in self.after.resources:
            if resource.custom:
                yield self._former.get(resource.place), resource

    def _told(self) -> Iterator[Outcome]:
        for former, resource in self._pairs():
            fate, changed = (self.told or {}).get(resource.place, (Fate.SAME, frozenset()))
            yield Outcome(Fate.ADDED if former is None else fate, former, resource, changed)

    def _derived(self) -> list[Outcome]:
        found = {resource.place: self._own(former, resource) for former, resource in self._pairs()}
        while True:
            followed = {place: self._followed(outcome, found) for place, outcome in found.items()}
            if followed == found:
                return list(found.values())
            found = followed

    def _own(self, former: Resource | None, resource: Resource) -> Outcome:
        if former is None:
            return Outcome(Fate.ADDED, None, resource)
        old, new = self._comparable(former, self.before), self._comparable(resource, self.after)
        changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        if resource.place in self.rebuilt:
            changed.add("context")
        return Outcome(own_fate(resource, changed), former, resource, frozenset(changed))

    def _comparable(self, resource: Resource, plan: Plan) -> dict[str, Any]:
        """Return the inputs, without order where it says nothing, and with places for names that others have."""
        inputs = {key: value for key, value in resource.inputs.items() if value is not None}
        if resource.type == CONTAINER:
            renamed = False
            for key, (kind, field_) in _REFERENCES.items():
                called, items = _called(plan, kind), inputs.get(key) or []
                named = [called.get(str(item[field_])) for item in items]
                inputs[key] = [
                    item | {field_: str(item[field_]) if other is None else self._first_place(plan, other)}
                    for item, other in zip(items, named, strict=True)
                ]
                renamed = renamed or any(other is not None and self._is_renamed(plan, other) for other in named)
            if renamed and isinstance(labels := inputs.get("labels"), list):
                # A digest with names of volumes in it; those that are there keep theirs on the engine.
                inputs["labels"] = [label for label in labels if label["label"] != CONFIG_LABEL]
            for key in _SETS & inputs.keys():
                if isinstance(inputs[key], list):
                    inputs[key] = sorted((_value(item) for item in inputs[key]), key=_written)
        return {key: _value(value) for key, value in inputs.items()}

    def _first_place(self, plan: Plan, resource: Resource) -> str:
        return self._former.get(resource.place, resource).place if plan is self.after else resource.place

    def _is_renamed(self, plan: Plan, resource: Resource) -> bool:
        if plan is self.after:
            return resource.place in self._former and self._former[resource.place].place != resource.place
        return any(old.place == resource.place != place for place, old in self._former.items())

    def _followed(self, outcome: Outcome, found: Mapping[str, Outcome]) -> Outcome:
        """Return `outcome` with what follows from what it is made of."""
        resource = outcome.resource
        if resource.type == PULLED:
            built = {o.resource.urn for o in found.values() if o.resource.type == BUILT and o.fate is Fate.UPDATED}
            # Its ID is not known before the build is done.
            return _replaced(outcome, {"triggers"}) if built & set(resource.dependencies) else outcome
        if resource.type != CONTAINER:
            return outcome
        used = {key: [found[r.place] for r in users] for key, users in self._used(resource).items()}
        keys = {key for key, others in used.items() if any(other.fate.replaced for other in others)}
        if any(other.resource.type == BUILT and other.fate is Fate.UPDATED for other in used["image"]):
            keys.add("image")
        jobs = (found[place] for place in _places(resource.dependencies) if place in found)
        taken = any(_goes_first(job, resource) for job in jobs)
        if taken:
            keys.add("image")
        followed = _replaced(outcome, keys) if keys else outcome
        # Pulumi deletes first what would be left with something that it deletes first, whatever that says of itself.
        first = taken or any(other.fate is Fate.AFTER for key in _REFERENCES for other in used[key])
        return replace(followed, fate=Fate.AFTER) if first and followed.fate.replaced else followed

    def _used(self, resource: Resource) -> dict[str, list[Resource]]:
        used = {key: list(self._named(resource, key)) for key in _REFERENCES}
        return used | {"image": list(images_called(self.after, str(resource.inputs.get("image"))))}

    def _named(self, resource: Resource, key: str) -> Iterator[Resource]:
        kind, field_ = _REFERENCES[key]
        called = _called(self.after, kind)
        for item in resource.inputs.get(key) or []:
            if (name := str(item[field_])) in called:
                yield called[name]


def images_called(plan: Plan, image: str) -> Iterator[Resource]:
    """Yield what pulls, and what builds, the image that containers run under this name or ID."""
    for resource in plan.resources:
        names: Collection[Any] = ()
        if resource.type == PULLED:
            names = (resource.inputs.get("name"), resource.outputs.get("imageId"))
        elif resource.type == BUILT:
            names = resource.inputs.get("tags") or ()
            if repository_of(image) in pushed_by_digest(resource.inputs):
                names = [image]
        if image in names:
            yield resource


def volume_called(plan: Plan, name: str) -> Resource | None:
    """Return the volume that the engine calls `name`; `None` for one that is not of the plan."""
    return _called(plan, VOLUME).get(name)


def network_called(plan: Plan, name: str) -> Resource | None:
    """Return the network that the engine calls `name`; `None` for one that is not of the plan."""
    return _called(plan, NETWORK).get(name)


def _goes_first(job: Outcome, resource: Resource) -> bool:
    """Tell whether `resource` takes its image from a job that is deleted first."""
    return (
        job.resource.type == CONTAINER
        and job.fate is Fate.AFTER
        and role_of(job.resource) == "job"
        and job.resource.inputs.get("image") == resource.inputs.get("image")
    )


def _called(plan: Plan, kind: str) -> dict[str, Resource]:
    return {str(resource.outputs.get("name")): resource for resource in plan.of_type(kind)}


def _replaced(outcome: Outcome, keys: AbstractSet[str]) -> Outcome:
    if outcome.fate in (Fate.ADDED, Fate.REMOVED):
        return outcome
    fate = outcome.fate if outcome.fate.replaced else replacement(outcome.resource)
    return replace(outcome, fate=fate, changed=frozenset(outcome.changed | keys))


def _places(urns: Collection[str]) -> list[str]:
    return [urn.split("::", 2)[2] for urn in urns]


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def _value(value: Any) -> Any:
    """Return `value` with what tells two secrets apart: as objects they are never the same."""
    if isinstance(value, Secret):
        return ("secret", _value(value.value))
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items() if item is not None}
    return [_value(item) for item in value] if isinstance(value, list) else value
