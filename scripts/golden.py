"""The reviewed plans: production whole, each further stack as its difference from production.

Long texts, such as the content of a file, are digests: the files themselves are in the repository.
"""

import hashlib
from pathlib import Path
from typing import Any

from slidegenie.plan.as_json import plain_plan
from slidegenie.plan.record import Plan

PRODUCTION = "prod"
"""The stack whose plan is kept whole."""
FURTHER = ("dev", "airgap")
"""Stacks kept as their difference from it."""
_LONGEST = 160
"""Characters of a text that is still shown as it is."""


def reviewed(plan: Plan, root: Path) -> dict[str, Any]:
    """Return the plan by the names of its resources, its stack called `{stack}` wherever it appears."""
    document = plain_plan(plan, root)
    resources = {f"{r['type'].rpartition(':')[2]} {r['name']}": _without_name(r) for r in document["resources"]}
    return {key: _short(value, plan) for key, value in {"outputs": document["outputs"], "resources": resources}.items()}


def difference(production: Any, other: Any) -> Any:
    """Return what `other` says differently, by key; what it lacks is `null`."""
    if not (isinstance(production, dict) and isinstance(other, dict)):
        return other
    changed: dict[str, Any] = dict.fromkeys(production.keys() - other.keys())
    for key, value in other.items():
        if key not in production:
            changed[key] = value
        elif production[key] != value:
            changed[key] = difference(production[key], value)
    return changed


def _without_name(resource: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in resource.items() if key not in ("name", "inputs")}
    return {key: value for key, value in (kept | {"inputs": _labelled(resource["inputs"])}).items() if value}


def _labelled(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return inputs whose list of labels is a map: a difference then names the label."""
    labels = inputs.get("labels")
    if not isinstance(labels, list):
        return inputs
    return inputs | {"labels": {item["label"]: item["value"] for item in labels}}


def _short(value: Any, plan: Plan) -> Any:
    if isinstance(value, dict):
        return {key: _short(item, plan) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item, plan) for item in value]
    if not isinstance(value, str):
        return value
    if len(value) > _LONGEST or "\n" in value:
        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:16]} of {len(value)} characters"
    for joint in ("/", "-"):
        value = value.replace(f"{plan.project}{joint}{plan.stack}", f"{plan.project}{joint}{{stack}}")
    return value.replace(f"Pulumi.{plan.stack}.yaml", "Pulumi.{stack}.yaml")
