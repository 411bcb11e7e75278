"""Remove what the stack no longer needs, and nothing of anybody else's: docs/decisions/0011-maintenance.md."""

import datetime
import json
from collections.abc import Collection
from typing import Any

from components.settings import Settings

from ..console import Problem, echo, info, warn
from ..engine.docker import docker, inspect, last_line
from ..engine.preflight import needed_images
from ..plan import Plan
from ..plan.view import BUILT
from . import cache
from .cleanup import Ownership, Removal, removable_containers, removable_images
from .images import ImageRecord, kept_images

_AT_ONCE = 50
"""IDs in one call: an argument list has an end."""


def clean(plan: Plan, settings: Settings, record: ImageRecord, known: Collection[str], *, dry: bool) -> None:
    """Remove containers, then images, then build cache; a `dry` run only says which.

    `known` has the IDs of the containers that are on record as the stack's.

    Raises:
        Problem: when it is not on record what must stay.
    """
    label, keep = plan.label, settings.maintenance.keep_releases
    if not record.releases(keep):
        raise Problem(
            f"no rollout of stack {label} is on record on this machine, so nobody knows which images must stay:"
            " nothing was removed; `make up` writes the record"
        )
    now = datetime.datetime.now(datetime.UTC)
    every = inspect(_ids("ps", "--all"))
    ended = removable_containers(every, label, known, now)
    # Neither --force nor --volumes: one that was started meanwhile stays, and so does all data.
    went = [identity for identity in ended if _remove(f"container {identity[:12]}", "rm", identity, dry=dry)]
    needed = {c["Image"] for c in every if c["Id"] not in ended} | kept_images(record, keep) | _planned(plan)
    owned = Ownership(label=label, repositories=_repositories(plan), pulled=record.pulled())
    images = removable_images(_inspected_images(), owned, needed, now)
    gone = [image for image in images if _remove(_described(image), "image", "rm", *image.references, dry=dry)]
    cached = cache.unused(cache.own_records(cache.read(), record.steps()), settings.maintenance.cache_days, now)
    if not dry:
        for identity in cached:
            cache.remove(identity)
    size = sum(image.size for image in gone) / 2**20
    did = "would remove" if dry else "removed"
    info(f"{did} {len(went)} containers, {len(gone)} images (up to {size:.0f} MiB), {len(cached)} records of cache")


def _remove(what: str, *command: str, dry: bool) -> bool:
    if not dry:
        done = docker(*command, check=False)
        if done.returncode != 0:
            warn(f"{what} stays: {last_line(done.stderr)}")
            return False
    echo(f"    {what}")
    return True


def _described(image: Removal) -> str:
    return f"image {image.identity[7:19]} {' '.join(r for r in image.references if r != image.identity)}".rstrip()


def _repositories(plan: Plan) -> frozenset[str]:
    tags = [tag for build in plan.of_type(BUILT) for tag in build.inputs.get("tags") or ()]
    return frozenset(tag.rpartition(":")[0] for tag in tags)


def _planned(plan: Plan) -> frozenset[str]:
    """Return the IDs of images that the next rollout starts from: no container runs what others are built on."""
    found = docker("image", "inspect", "--format", "{{.Id}}", *needed_images(plan), check=False)
    return frozenset(found.stdout.split())


def _ids(*command: str) -> list[str]:
    return sorted(set(docker(*command, "--quiet", "--no-trunc").stdout.split()))


def _inspected_images() -> list[dict[str, Any]]:
    ids, found = _ids("image", "ls"), []
    for start in range(0, len(ids), _AT_ONCE):
        said = docker("image", "inspect", *ids[start : start + _AT_ONCE], check=False).stdout
        found += json.loads(said or "[]")
    return found
