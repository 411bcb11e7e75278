"""The plan as JSON, for tools."""

import json
import os
from pathlib import Path
from typing import Any

from pulumi.output import Unknown

from .record import Plan, Resource, Secret


def render_json(plan: Plan, root: Path) -> str:
    """Return `plain_plan` as text."""
    return json.dumps(plain_plan(plan, root), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def plain_plan(plan: Plan, root: Path) -> dict[str, Any]:
    """Return every resource with its inputs and options, sorted; secrets masked, paths relative to `root`."""
    labels = {resource.urn: _label(resource) for resource in plan.resources}
    return {
        "project": plan.project,
        "stack": plan.stack,
        "outputs": _plain(plan.outputs, root),
        "resources": [
            _resource(resource, labels, root) for resource in sorted(plan.resources, key=lambda r: (r.type, r.name))
        ],
    }


def _resource(resource: Resource, labels: dict[str, str], root: Path) -> dict[str, Any]:
    options = {
        "deleteBeforeReplace": resource.delete_before_replace,
        "dependencies": sorted(labels[urn] for urn in resource.dependencies),
        "protect": resource.protect,
        "replaceOnChanges": sorted(resource.replace_on_changes),
        "retainOnDelete": resource.retain_on_delete,
    }
    return {
        "type": resource.type,
        "name": resource.name,
        "parent": labels[resource.parent] if resource.parent else None,
        "inputs": _plain(resource.inputs, root),
        # What is not said is left to Pulumi; `false` is said.
        "options": {
            key: value for key, value in options.items() if value or (key == "deleteBeforeReplace" and value is False)
        },
    }


def _label(resource: Resource) -> str:
    """Tell a component from the resource in it that has the same name."""
    return f"{resource.type.rpartition(':')[2]} {resource.name}"


def _plain(value: Any, root: Path) -> Any:
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, Unknown):
        return "[unknown]"
    if isinstance(value, dict):
        return {key: _plain(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, root) for item in value]
    if isinstance(value, str) and (value == str(root) or value.startswith(f"{root}{os.sep}")):
        return os.path.relpath(value, root)
    return value
