"""Remove what the stack no longer needs, and nothing of anybody else's: docs/decisions/0011-maintenance.md.

Everything that cannot be shown to be the stack's stays. Volumes and networks are never looked at: data is not rubbish,
and rollouts clear away their own.

All projects on an engine share one build cache, and BuildKit knows neither labels nor owners. What it does know of each
record is the command that made it: what one of the stack's Dockerfiles runs, and what stands on that, is the stack's. A
record that another project made by the very same command on the same base is the same record, and costs it one build
step.
"""

import datetime
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.labels import IMAGE_LABEL, STACK_LABEL
from components.images.dockerfile import instructions
from components.settings import Settings

from ..console import Problem, echo, info, warn
from ..engine.docker import containers, docker, image_id, inspect, last_line
from ..engine.preflight import needed_images
from ..plan import Plan
from ..plan.view import BUILT, base_images
from .records import ImageRecord, kept_images

_YOUNG = datetime.timedelta(hours=24)
"""What is newer may belong to a rollout that is under way."""
_OVER = ("created", "exited", "dead")


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """What makes something the stack's."""

    label: str
    """`project/stack`."""
    repositories: frozenset[str]
    """Names, without tag, that the stack gives to what it builds."""
    pulled: Mapping[str, datetime.datetime]
    """What was not on the engine before the stack pulled it, and when it did."""


@dataclass(frozen=True, kw_only=True)
class Removal:
    """An image that goes, or some of its names."""

    identity: str
    references: tuple[str, ...]
    """What `docker image rm` is told."""
    size: int
    """Bytes, with all layers; what becomes free is less where layers are shared."""


def removable_containers(
    containers: Iterable[Mapping[str, Any]], label: str, known: Collection[str], now: datetime.datetime
) -> list[str]:
    """Return the IDs of the stack's containers that have ended, and that no rollout knows of (`known`)."""
    return [
        container["Id"]
        for container in containers
        if container["Config"]["Labels"].get(STACK_LABEL) == label
        and container["Id"] not in known
        and container["State"]["Status"] in _OVER
        and now - max(moment(container["Created"]), moment(container["State"]["FinishedAt"])) > _YOUNG
    ]


def removable_images(
    images: Iterable[Mapping[str, Any]],
    owned: Ownership,
    needed: Collection[str],
    now: datetime.datetime,
) -> list[Removal]:
    """Return the stack's own images whose ID is not among the `needed` ones: in use by any container, or kept."""
    found = []
    for image in images:
        references = () if image["Id"] in needed else _built(image, owned, now) or _pulled(image, owned, now)
        if references:
            found.append(Removal(identity=image["Id"], references=references, size=int(image["Size"])))
    return found


def _built(image: Mapping[str, Any], owned: Ownership, now: datetime.datetime) -> tuple[str, ...]:
    """Return how to remove an image that the stack built; nothing when somebody else gave it a name too."""
    labels = image["Config"].get("Labels") or {}
    tags = tuple(image.get("RepoTags") or ())
    if labels.get(IMAGE_LABEL) != owned.label or now - _age(image) <= _YOUNG:
        return ()
    if any(tag.rpartition(":")[0] not in owned.repositories for tag in tags):
        return ()
    return tags or (image["Id"],)


def _pulled(image: Mapping[str, Any], owned: Ownership, now: datetime.datetime) -> tuple[str, ...]:
    """Return the names under which the stack pulled an image; with the last name the engine drops the image."""
    names = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
    return tuple(name for name in names if name in owned.pulled and now - owned.pulled[name] > _YOUNG)


def _age(image: Mapping[str, Any]) -> datetime.datetime:
    """Return when an image came to be, or was given its last name: one built from cache only can look old."""
    tagged = (image.get("Metadata") or {}).get("LastTagTime") or image["Created"]
    return max(moment(image["Created"]), moment(tagged))


def moment(text: str) -> datetime.datetime:
    """Read a time as the engine writes it, to the second."""
    return datetime.datetime.strptime(text[:19].replace(" ", "T"), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.UTC)


_EXEC = re.compile(r"^mount \S+ from exec .*?-c (?P<command>.*)$", re.DOTALL)


def steps(dockerfile: Path) -> list[str]:
    """Return the commands that a Dockerfile runs, as `own_records` compares them."""
    found = instructions(dockerfile.read_text(encoding="utf-8"))
    return sorted({_plain(instruction.command) for instruction in found if instruction.name == "RUN"})


def own_records(records: Iterable[Mapping[str, Any]], known: Collection[str]) -> list[Mapping[str, Any]]:
    """Return the records that the `known` commands made, and those that stand on them; the topmost first."""
    by_id = {record["ID"]: record for record in records}
    parents = {name: re.split(r",\s*", record.get("Parent") or "") for name, record in by_id.items()}
    own = {name for name, record in by_id.items() if _command(record) in known}
    depth: dict[str, int] = dict.fromkeys(own, 0)
    grew = bool(own)
    while grew:
        grew = False
        for name, above in parents.items():
            below = [depth[parent] for parent in above if parent in depth]
            if below and depth.get(name, -1) < max(below) + 1:
                depth[name], grew = max(below) + 1, True
    return [by_id[name] for name in sorted(depth, key=lambda name: -depth[name])]


def unused_records(records: Sequence[Mapping[str, Any]], days: int, now: datetime.datetime) -> list[str]:
    """Return the IDs of records that no build and no image uses, and that none has used for `days`."""
    return [
        record["ID"]
        for record in records
        if record["InUse"] == record["Shared"] == "false"
        and now - moment(record.get("LastUsedAt") or record["CreatedAt"]) > datetime.timedelta(days=days)
    ]


def cache_records() -> list[Mapping[str, Any]]:
    """Return all records of the engine's own builder."""
    said = docker("system", "df", "--verbose", "--format", "{{json .BuildCache}}").stdout
    records: list[Mapping[str, Any]] = json.loads(said) or []
    return records


def _command(record: Mapping[str, Any]) -> str | None:
    found = _EXEC.match(record["Description"])
    return _plain(found["command"]) if found else None


def _plain(command: str) -> str:
    """Return a command with single blanks: continued lines are joined in two ways."""
    return " ".join(command.split())


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
    cached = unused_records(own_records(cache_records(), record.steps()), settings.maintenance.cache_days, now)
    if not dry:
        for identity in cached:
            # One that came into use meanwhile stays.
            docker("builder", "prune", "--all", "--force", "--filter", f"id={identity}")
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


def note_rollout(record: ImageRecord, plan: Plan, root: Path, *, newest: bool) -> None:
    """Note the images of every container the stack has now, what its builds stand on, and what its Dockerfiles do.

    `newest` says that everything was built on what the engine has now.
    """
    record.note_release(c["Image"] for c in containers(plan.label, everything=True))
    builds = plan.of_type(BUILT)
    for build in builds:
        image = image_id(build.inputs["tags"][-1]) if build.inputs.get("load") else ""
        based_on = {base: image_id(base) for base in base_images(build.inputs.get("buildArgs"))}
        record.note_build(build.name, image, based_on, anew=newest)
    dockerfiles = {root / build.inputs["dockerfile"]["location"] for build in builds}
    record.note_steps(step for file in dockerfiles for step in steps(file))
