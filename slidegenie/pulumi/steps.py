"""What Pulumi says it will do, and what its state says is there, in the terms of `slidegenie.changes`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pulumi.automation import EngineEvent, OpType

from components.core.text import as_whole

from ..changes import Fate
from ..plan import Plan, Secret
from ..plan.record import SIGNATURE, Resource, place_of
from .state import StackState

_NO_RESOURCES = ("pulumi:pulumi:Stack", "pulumi:providers:")
_MASKED = repr(Secret(None))


class PreviewedSteps:
    """Listens to a preview."""

    def __init__(self) -> None:
        self._operations: dict[str, list[OpType]] = {}
        self._changed: dict[str, set[str]] = {}
        self._environments: dict[str, list[str]] = {}

    def __call__(self, event: EngineEvent) -> None:
        """Take one event."""
        if (starting := event.resource_pre_event) is None:
            return
        step = starting.metadata
        self._operations.setdefault(step.urn, []).append(step.op)
        # A path begins with the input: `labels[3].value`.
        paths = [*(step.diffs or ()), *(step.detailed_diff or {})]
        self._changed.setdefault(step.urn, set()).update(path.partition("[")[0].partition(".")[0] for path in paths)
        variables = (step.new.inputs if step.new else None) or {}
        if isinstance(listed := variables.get("envs"), list) and all(isinstance(item, str) for item in listed):
            self._environments[place_of(step.urn)] = listed

    @property
    def told(self) -> dict[str, tuple[Fate, frozenset[str]]]:
        """What becomes of each resource that changes, by its place, and which inputs change."""
        return {
            place_of(urn): (fate, frozenset(self._changed[urn]))
            for urn, operations in self._operations.items()
            if (fate := _fate(operations)) is not Fate.SAME
        }

    def with_environments(self, plan: Plan) -> Plan:
        """Return `plan` with the variables that containers will have, which depend on what the state has."""
        return dataclasses.replace(
            plan,
            resources=[
                dataclasses.replace(resource, inputs=resource.inputs | {"envs": self._environments[resource.place]})
                if resource.place in self._environments
                else resource
                for resource in plan.resources
            ],
        )


def _fate(operations: list[OpType]) -> Fate:
    if OpType.CREATE_REPLACEMENT in operations:
        made = operations.index(OpType.CREATE_REPLACEMENT)
        return Fate.AFTER if OpType.DELETE_REPLACED in operations[:made] else Fate.BESIDE
    # That of a replacement which an earlier update did not come to is no news.
    for operation, fate in (
        (OpType.REPLACE, Fate.AFTER),
        (OpType.UPDATE, Fate.UPDATED),
        (OpType.CREATE, Fate.ADDED),
        (OpType.DELETE, Fate.REMOVED),
    ):
        if operation in operations:
            return fate
    return Fate.SAME


def deployed_plan(state: StackState, project: str, stack: str) -> Plan:
    """Return what is deployed as the plan that it was; secrets are masked."""
    plan = Plan(project, stack)
    urns = {r["urn"] for r in state.resources if r["type"] != _NO_RESOURCES[0]}
    for item in state.resources:
        if item.get("delete") or item["type"].startswith(_NO_RESOURCES):
            continue
        outputs = item.get("outputs") or {}
        plan.resources.append(
            Resource(
                type=item["type"],
                name=item["urn"].rpartition("::")[2],
                urn=item["urn"],
                parent=item["parent"] if item.get("parent") in urns else None,
                custom=bool(item.get("custom")),
                inputs=_masked(item.get("inputs") or {}),
                dependencies=tuple(item.get("dependencies") or ()),
                protect=bool(item.get("protect")),
                # The state does not keep it, and only that of the new program counts.
                delete_before_replace=None,
                replace_on_changes=(),
                retain_on_delete=bool(item.get("retainOnDelete")),
                id=item.get("id") or "",
                outputs={key: outputs[key] for key in ("name", "imageId") if isinstance(outputs.get(key), str)},
            )
        )
    return plan


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            return Secret(_MASKED)
        # Keys of the SDK's own, such as `__defaults`.
        return {key: _masked(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return as_whole(value)
