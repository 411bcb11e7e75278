"""Two plans of one stack, masked as they come out of `slidegenie plan --json`, and what they say of each other."""

import json
from typing import Any

from slidegenie.changes import Changes, Comparison, changes_of
from slidegenie.plan import Plan
from slidegenie.plan.as_json import read_plan, render_json

from ..plans import ROOT


def masked(plan: Plan) -> Plan:
    """Return `plan` as somebody reads it who was not there when it was made."""
    return read_plan(json.loads(render_json(plan, ROOT)))


def between(before: Plan, after: Plan, **told: Any) -> Changes:
    return changes_of(Comparison(masked(before), masked(after), **told))


def kinds(changes: Changes) -> dict[str, str]:
    """Return what becomes of each service that changes."""
    return {change.name: change.kind.name for change in changes.services}


def because(changes: Changes, service: str) -> tuple[str, ...]:
    return next(change.because for change in changes.services if change.name == service)


def notes(changes: Changes, service: str) -> str:
    return "\n".join(next(change.notes for change in changes.services if change.name == service))
