"""`make preview`: what Pulumi says it will do, service by service."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from pulumi.automation import EngineEvent, OpType

from slidegenie.changes import Comparison, Fate, changes_of
from slidegenie.changes.told import told
from slidegenie.plan import Plan
from slidegenie.plan.record import Resource
from slidegenie.pulumi.state import StackState
from slidegenie.pulumi.steps import PreviewedSteps, deployed_plan

from ..plans import container, made_of, mount, seed, upload, volume
from .sides import masked

_SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def _urn(resource: Resource) -> str:
    return f"urn:pulumi:test::demo::{resource.type}::{resource.name}"


def _deployed(*resources: Resource, **changes: Any) -> StackState:
    """Return a state with these resources, whose names on the engine have random ends."""
    listed = [
        {
            "urn": _urn(resource),
            "type": resource.type,
            "custom": True,
            "id": resource.name,
            "inputs": resource.inputs | changes,
            "outputs": {"name": resource.outputs["name"]},
            "protect": resource.protect,
        }
        for resource in resources
    ]
    leftover = listed[0] | {"delete": True}
    return StackState((*listed, leftover, {"urn": "urn:x::x::pulumi:pulumi:Stack::x", "type": "pulumi:pulumi:Stack"}))


def _steps(*steps: tuple[Resource, OpType, list[str]], envs: Any = None) -> PreviewedSteps:
    heard = PreviewedSteps()
    for resource, operation, diffs in steps:
        new = SimpleNamespace(inputs={"envs": envs})
        step = SimpleNamespace(urn=_urn(resource), op=operation, diffs=diffs, detailed_diff=None, new=new)
        heard(cast("EngineEvent", SimpleNamespace(resource_pre_event=SimpleNamespace(metadata=step))))
    heard(cast("EngineEvent", SimpleNamespace(resource_pre_event=None)))
    return heard


def _lines(before: StackState, after: Plan, steps: PreviewedSteps) -> list[str]:
    wanted = steps.with_environments(masked(after))
    return list(told(changes_of(Comparison(deployed_plan(before, "demo", "test"), wanted, told=steps.told))))


@pytest.mark.parametrize(
    ("operations", "fate"),
    [
        ([OpType.SAME], None),
        ([OpType.UPDATE], Fate.UPDATED),
        ([OpType.CREATE], Fate.ADDED),
        ([OpType.DELETE], Fate.REMOVED),
        ([OpType.CREATE_REPLACEMENT, OpType.REPLACE, OpType.DELETE_REPLACED], Fate.BESIDE),
        ([OpType.DELETE_REPLACED, OpType.REPLACE, OpType.CREATE_REPLACEMENT], Fate.AFTER),
        # What an earlier update left to be deleted.
        ([OpType.SAME, OpType.DELETE_REPLACED], None),
    ],
)
def test_the_order_of_pulumis_steps_says_whether_there_is_a_gap(operations: list[OpType], fate: Fate | None) -> None:
    web = container("web")
    steps = _steps(*((web, operation, ["envs[0]", "labels"]) for operation in operations))

    changed = frozenset({"envs", "labels"})
    assert steps.told == ({"docker:index/container:Container::web-1": (fate, changed)} if fate else {})


def test_each_service_has_a_line_with_what_changes_and_the_sums() -> None:
    served: dict[str, Any] = {"wait": True, "healthcheck": {"tests": ["CMD", "true"]}}
    old = [container("web", envs=["A=1", "LOGIN=real"], **served), *map(container, ("db", "gone", "same"))]
    web = container("web", envs=["A=2", "LOGIN=planned"], options={"delete_before_replace": False}, **served)
    db = container("db", memory=256)
    steps = _steps(
        (web, OpType.CREATE_REPLACEMENT, ["envs[0]"]),
        (web, OpType.DELETE_REPLACED, ["envs[0]"]),
        (db, OpType.UPDATE, ["memory"]),
        (old[2], OpType.DELETE, []),
        envs=["A=2", "LOGIN=real"],
    )

    assert _lines(_deployed(*old), made_of([web, db, container("same")]), steps) == [
        "what becomes of the services of stack test: 1 rolled without a gap, 1 changed in place, 1 removed",
        "    db: changed in place (memory 64 → 256 MiB)",
        "    gone: removed",
        "    web: rolled without a gap (environment: A)",
        "    memory of all servers: 256 → 384 MiB (+128)",
        "    CPUs of all servers: 4 → 3 (-1)",
        "    data: not touched",
    ]


def test_a_container_that_failed_is_made_again_and_the_preview_says_why() -> None:
    web = container("web")
    steps = _steps((web, OpType.DELETE_REPLACED, ["labels"]), (web, OpType.CREATE_REPLACEMENT, ["labels"]))
    changed = container("web", labels={"com.docker.compose.config-hash": "hash 1-mark"})

    lines = _lines(_deployed(web), made_of([changed]), steps)
    assert lines[1] == "    web: recreated with a gap (the one that is there failed, or is gone)"


def test_secrets_of_a_state_are_no_change_of_files() -> None:
    routes, filled = volume("routes"), seed("routes-seed", "routes", [upload("key.pem", _SECRET)])
    again = seed("routes-seed", "routes", [upload("key.pem", "plain by now")])
    nothing = _steps((filled, OpType.SAME, []))
    web = container("web", mounts=[mount("routes", "/routes")])

    assert _lines(_deployed(routes, filled, web), made_of([routes, again, web]), nothing) == []
