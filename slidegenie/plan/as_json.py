"""The plan as JSON, for tools, and a plan read back from it."""

import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pulumi.output import Unknown

from .record import Plan, Resource, Secret, place_of, planned_name

SECRET_KEY = "SLIDEGENIE_SECRET_KEY"  # noqa: S105 - name of a variable
"""Environment variable: with a key in it, which must be thrown away afterwards, masked secrets can be told apart."""
_MASK = repr(Secret(None))
_MASKED = re.compile(r"\[secret( [0-9a-f]{12})?\]")
_UNKNOWN = "[unknown]"


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


def read_plan(document: dict[str, Any]) -> Plan:
    """Return the plan that `plain_plan` made `document` of, also where an earlier version of this tool did.

    Secrets stay masked. The IDs and most outputs of resources are not in it.
    """
    plan = Plan(document["project"], document["stack"])
    by_label = {f"{item['type'].rpartition(':')[2]} {item['name']}": item for item in document["resources"]}

    def urn(item: dict[str, Any]) -> str:
        kinds, above = [item["type"]], item.get("parent")
        while above:
            kinds, above = [by_label[above]["type"], *kinds], by_label[above].get("parent")
        return f"{start}{'$'.join(kinds)}::{item['name']}"

    start = f"urn:pulumi:{plan.stack}::{plan.project}::"
    for item in document["resources"]:
        options, inputs = item.get("options") or {}, _read(item.get("inputs") or {})
        name = planned_name(item["type"], item["name"], inputs, plan.stack)
        plan.resources.append(
            Resource(
                type=item["type"],
                name=item["name"],
                urn=urn(item),
                parent=urn(by_label[item["parent"]]) if item.get("parent") else None,
                custom=not item["type"].startswith("slidegenie:"),
                inputs=inputs,
                dependencies=tuple(urn(by_label[label]) for label in options.get("dependencies") or ()),
                protect=bool(options.get("protect")),
                delete_before_replace=options.get("deleteBeforeReplace"),
                replace_on_changes=tuple(options.get("replaceOnChanges") or ()),
                retain_on_delete=bool(options.get("retainOnDelete")),
                aliases=tuple(f"{start}{place}" for place in options.get("aliases") or ()),
                outputs={"name": name, "imageId": name},
            )
        )
    return plan


def has_marks(plan: Plan) -> bool:
    """Tell whether the masked secrets of a plan that was read can be told apart."""
    return all(secret.value != _MASK for resource in plan.resources for secret in _secrets(resource.inputs))


def without_marks(plan: Plan) -> Plan:
    """Return a plan that was read, with nothing by which its masked secrets can be told apart."""
    resources = [replace(resource, inputs=_unmarked(resource.inputs)) for resource in plan.resources]
    return replace(plan, resources=resources)


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _secrets(item)


def _unmarked(value: Any) -> Any:
    if isinstance(value, Secret):
        return Secret(_MASK)
    if isinstance(value, dict):
        return {key: _unmarked(item) for key, item in value.items()}
    return [_unmarked(item) for item in value] if isinstance(value, list) else value


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _read(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_read(item) for item in value]
    return Secret(value) if isinstance(value, str) and _MASKED.fullmatch(value) else value


def _resource(resource: Resource, labels: dict[str, str], root: Path) -> dict[str, Any]:
    options = {
        "aliases": [place_of(urn) for urn in resource.aliases],
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
        return _masked(value)
    if isinstance(value, Unknown):
        return _UNKNOWN
    if isinstance(value, dict):
        return {key: _plain(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, root) for item in value]
    if isinstance(value, str) and (value == str(root) or value.startswith(f"{root}{os.sep}")):
        return os.path.relpath(value, root)
    return value


def _masked(secret: Secret) -> str:
    if not (key := os.environ.get(SECRET_KEY)):
        return repr(secret)
    # Without the key nobody can try values until one fits.
    digest = hmac.new(key.encode(), json.dumps(secret.value, default=repr).encode(), hashlib.sha256).hexdigest()
    return f"[secret {digest[:12]}]"
