"""Files that volumes are filled with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from components.core.labels import CONTENT_LABEL

from ..plan.record import Plan, Resource, Secret
from ..plan.view import CONTAINER, VOLUME, labels_of, role_of
from .compared import Comparison
from .outcome import Fate

_WATCHED = "dynamic"
"""What the label of a volume says whose reader watches it."""


@dataclass(frozen=True, kw_only=True)
class FilesChange:
    """Files that change in a volume which stays, while its reader runs."""

    volume: str
    """Name of the volume's resource."""
    files: tuple[str, ...]
    """Their names."""
    seen: str
    """When the reader sees them."""


@dataclass(frozen=True, kw_only=True)
class RouteChange:
    """Requests that are led elsewhere than before."""

    name: str
    """Name of the route."""
    before: str | None
    """Where it led, and what it matched; `None` for a new one."""
    after: str | None
    """Where it leads, and what it matches; `None` for one that goes."""


def changed_files(comparison: Comparison, before: Resource, after: Resource) -> list[str]:
    """Return the names of the files in a volume that change, come or go."""
    old, new = _files(comparison.before, before), _files(comparison.after, after)
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def files_changes(comparison: Comparison) -> list[FilesChange]:
    """Return what changes in volumes that stay."""
    found = []
    filled = {
        mount["source"]
        for seed in comparison.seeds
        if seed.fate is not Fate.SAME
        for mount in seed.resource.inputs.get("mounts") or []
    }
    for outcome in comparison.of_type(VOLUME):
        if outcome.before is None or outcome.after is None or outcome.fate.replaced:
            continue
        if outcome.after.outputs.get("name") not in filled:
            continue
        if names := changed_files(comparison, outcome.before, outcome.after):
            watched = labels_of(outcome.after).get(CONTENT_LABEL) == _WATCHED
            seen = "at once, its reader watches them" if watched else "when their reader starts next"
            found.append(FilesChange(volume=outcome.after.name, files=tuple(names), seen=seen))
    return sorted(found, key=lambda change: change.volume)


def route_changes(comparison: Comparison) -> list[RouteChange]:
    """Return the routes of the edge that change, come or go."""
    old, new = _routes(comparison.before), _routes(comparison.after)
    return [
        RouteChange(name=name, before=old.get(name), after=new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def seeds_made_again(comparison: Comparison) -> int:
    """Return how many containers that prepare volumes are made again with what they had before."""
    again = [outcome for outcome in comparison.seeds if outcome.fate.replaced or outcome.fate is Fate.UPDATED]
    return sum(not outcome.changed & {"uploads", "mounts"} for outcome in again)


def _files(plan: Plan, volume: Resource) -> dict[str, Any]:
    return {name: content for place, name, content in _uploads(plan) if place == volume.outputs.get("name")}


def _uploads(plan: Plan) -> Iterator[tuple[str, str, Any]]:
    """Yield volume, name and content of each file."""
    for seed in plan.of_type(CONTAINER):
        uploads = seed.inputs.get("uploads")
        if role_of(seed) != "seed" or not isinstance(uploads, list):
            continue
        places = {mount["target"]: mount["source"] for mount in seed.inputs.get("mounts") or []}
        for upload in uploads:
            folder, _, name = str(upload["file"]).rpartition("/")
            content = upload["content"]
            # Objects, which are never the same: what tells them apart is in them.
            yield str(places.get(folder)), name, ("secret", content.value) if isinstance(content, Secret) else content


def _routes(plan: Plan) -> dict[str, str]:
    volumes = plan.of_type(VOLUME)
    watched = {v.outputs.get("name") for v in volumes if labels_of(v).get(CONTENT_LABEL) == _WATCHED}
    found: dict[str, str] = {}
    for place, name, content in _uploads(plan):
        if place in watched and isinstance(content, str) and name.endswith((".yml", ".yaml")):
            found |= _routers(content)
    return found


def _routers(content: str) -> dict[str, str]:
    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError:
        return {}
    found = {}
    for protocol in ("http", "tcp"):
        section = (document.get(protocol) or {}) if isinstance(document, dict) else {}
        for name, router in (section.get("routers") or {}).items():
            entries = ", ".join(router.get("entryPoints") or ["every entry point"])
            found[str(name)] = f"{entries}: {router.get('rule')} → {router.get('service')}"
    # The same route again, for what has to be measured first.
    return {name: route for name, route in found.items() if name.removesuffix("-measured") not in found.keys() - {name}}
