"""Are there newer images under the names the stack uses? Its tags are exact, and still move when a base is rebuilt."""

import datetime
import enum
import json
import re
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge

from ..engine.docker import docker, last_line
from .cleanup import moment

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Answer(enum.Enum):
    """What became of the question."""

    CURRENT = "current"
    """The registry has the same image."""
    OUTDATED = "a newer one is there"
    """The registry has another image under the same name."""
    LOCAL = "made here, in no registry"
    """There is nobody to ask."""
    SILENT = "its registry does not answer"
    """It could not be found out."""
    MISSING = "not on this engine"
    """It was not pulled yet; `make up` pulls the newest."""


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """One image."""

    image: str
    answer: Answer
    """Whether there is a newer one."""
    created: datetime.datetime | None = None
    """When the one on the engine was built."""
    reason: str = ""
    """Why the registry did not answer."""


def ask(image: str) -> Freshness:
    """Compare the image on the engine with what its registry has under the same name."""
    inspected = docker("image", "inspect", image, check=False)
    if inspected.returncode != 0:
        return Freshness(image=image, answer=Answer.MISSING)
    found = json.loads(inspected.stdout)[0]
    created = moment(found["Created"])
    here = {digest for name in found.get("RepoDigests") or () for digest in _DIGEST.findall(name)}
    if not here:
        return Freshness(image=image, answer=Answer.LOCAL, created=created)
    asked = docker("buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}", image, check=False)
    digests = _DIGEST.findall(asked.stdout)
    if asked.returncode != 0 or not digests:
        return Freshness(image=image, answer=Answer.SILENT, created=created, reason=last_line(asked.stderr))
    # The engine knows an image by the digest of its list or of its platform's own: both are in the answer.
    answer = Answer.CURRENT if here & set(digests) else Answer.OUTDATED
    return Freshness(image=image, answer=answer, created=created)


def metrics(found: list[Freshness]) -> CollectorRegistry:
    """Return what the monitoring is told; nothing about what is not known."""
    told = CollectorRegistry()
    created = Gauge("slidegenie_image_created_timestamp_seconds", "When it was built.", ["image"], registry=told)
    outdated = Gauge("slidegenie_image_outdated", "Whether its registry has a newer one.", ["image"], registry=told)
    for one in found:
        if one.created is not None:
            created.labels(one.image).set(one.created.timestamp())
        if one.answer in (Answer.CURRENT, Answer.OUTDATED):
            outdated.labels(one.image).set(one.answer is Answer.OUTDATED)
    return told
