"""Whether a container that is there already is what a rollout wants, or has to be made once more.

Pulumi compares what a program says with its state, and the state says nothing of health: after a refresh it takes a
container that never became healthy for good. So what a container was made from, which is one of its labels, ends with a
mark of the attempt. A container that failed, or went, gets another mark, and so is made anew by whatever `pulumi up`
comes next; one that works keeps its mark, and so nothing changes.
"""

import enum
import hashlib
from collections.abc import Iterable, Sequence

from .found import FoundContainer


class Replacement(enum.Enum):
    """What may become of a container that is there and does not work."""

    BESIDE = "beside"
    """Another one is made beside it."""
    IN_PLACE = "in place"
    """It holds a port or data: while it runs it is left alone, and what is wrong may pass."""
    RERUN = "rerun"
    """It is a job, which has to succeed."""


def config_label(config: str, resource: str, found: Sequence[FoundContainer], replacement: Replacement) -> str:
    """Return the label of a container made from `config`: of the one that is there, where that need not be replaced.

    `found` is what the engine has of the stack. The same engine gives the same label, so a preview shows what an update
    will do.
    """
    own = [container for container in found if container.resource == resource]
    same = [container for container in own if _digest(container.config) == config]
    if good := [container for container in same if _good(container, own, replacement)]:
        return max(good, key=lambda container: container.healthy).config
    # What is there now was not all there when any of it was made: the mark is another one than theirs.
    seen = same or found
    return f"{config}-{_mark(container.id for container in seen)}" if seen else config


def failed_before(config: str, resource: str, found: Iterable[FoundContainer]) -> list[FoundContainer]:
    """Return earlier attempts at the container labelled `config` that are not healthy."""
    wanted = _digest(config)
    return [c for c in found if c.resource == resource and _digest(c.config) == wanted and not c.healthy]


def _good(container: FoundContainer, own: Sequence[FoundContainer], replacement: Replacement) -> bool:
    match replacement:
        case Replacement.RERUN:
            return container.succeeded
        case Replacement.IN_PLACE:
            return container.running
        case Replacement.BESIDE:
            # Alone, it is what runs, and whatever made it sick is none of its making; beside another one, it was to
            # take that one's place and did not come that far.
            return container.healthy or (container.running and len(own) == 1)


def _digest(label: str) -> str:
    return label.partition("-")[0]


def _mark(ids: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(sorted(ids)).encode()).hexdigest()[:8]
