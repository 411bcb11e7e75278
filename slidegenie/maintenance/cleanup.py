"""What of the stack's own nobody needs any more. Everything that cannot be shown to be the stack's stays.

Volumes and networks are never looked at: data is not rubbish, and rollouts clear away their own.
"""

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.core.labels import IMAGE_LABEL, STACK_LABEL

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
    """ID of the image."""
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
