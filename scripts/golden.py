"""The reviewed plans: production whole, each further stack as its difference from production.

Of production, what most resources of a kind have in common stands once, and each resource says how it differs. Long
texts, such as the content of a file, are digests: the files themselves are in the repository.
"""

import hashlib
import json
import re
from collections import Counter
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


def compact(plan: dict[str, Any]) -> dict[str, Any]:
    """Return a plan of `reviewed` with what each kind of resource has in `common`, and the differences from that."""
    kinds: dict[str, list[str]] = {}
    for name in plan["resources"]:
        kinds.setdefault(_kind(name), []).append(name)
    resources: dict[str, Any] = plan["resources"]
    common = {kind: _common([resources[name] for name in names]) for kind, names in kinds.items() if len(names) > 1}
    differing = {name: difference(common.get(_kind(name), {}), resource) for name, resource in resources.items()}
    return plan | {"common": common, "resources": differing}


def _kind(name: str) -> str:
    """Seeds have next to nothing in common with containers that run."""
    return "Container of a seed" if re.fullmatch(r"Container .*-seed", name) else name.partition(" ")[0]


def _common(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the keys and values that more than half of `groups` have."""
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for group in groups for key in group):
        values = [group[key] for group in groups if key in group]
        if all(isinstance(value, dict) for value in values):
            value, times = _common(values), len(values)
        else:
            text, times = Counter(json.dumps(value, sort_keys=True) for value in values).most_common(1)[0]
            value = json.loads(text)
        if value != {} and 2 * times > len(groups):
            found[key] = value
    return found


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
