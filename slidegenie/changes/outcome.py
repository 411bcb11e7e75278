"""What becomes of one resource, by the rules of Pulumi and its Docker provider."""

import enum
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ..plan.record import Resource
from ..plan.view import BUILT, CONTAINER, NETWORK, PULLED, VOLUME


class Fate(enum.Enum):
    """What becomes of a resource."""

    SAME = "stays as it is"
    UPDATED = "changed in place"
    BESIDE = "made anew, and the old one goes last"
    AFTER = "made anew once the old one has gone"
    ADDED = "added"
    REMOVED = "removed"

    @property
    def replaced(self) -> bool:
        """Whether another one takes its place."""
        return self in (Fate.BESIDE, Fate.AFTER)


@dataclass(frozen=True)
class Outcome:
    """What becomes of one resource, and why."""

    fate: Fate
    """What becomes of it."""
    before: Resource | None
    """How it was declared; `None` when it is new."""
    after: Resource | None
    """How it will be declared; `None` when it goes."""
    changed: AbstractSet[str] = frozenset()
    """The inputs that change, those too that follow from another resource."""

    @property
    def resource(self) -> Resource:
        """How it will be declared, or was."""
        found = self.after or self.before
        if found is None:
            raise ValueError("an outcome is that of a resource")
        return found


UNNOTICED = frozenset(
    {
        *("attach", "containerReadRefreshTimeoutMilliseconds", "destroyGraceSeconds", "logs", "mustRun"),
        *("removeVolumes", "rm", "start", "wait", "waitTimeout"),
    }
)
"""Inputs of a container that tell the provider how to go about it; the engine never sees them."""
KEPT: dict[str, frozenset[str]] = {
    CONTAINER: UNNOTICED
    | {
        *("cpuPeriod", "cpuQuota", "cpuSet", "cpuShares", "deviceReadBps", "deviceReadIops", "deviceWriteBps"),
        *("deviceWriteIops", "healthcheck", "init", "maxRetryCount", "memory", "memoryReservation", "memorySwap"),
        *("restart", "tmpfs"),
    },
    VOLUME: frozenset({"cluster"}),
    NETWORK: frozenset(),
    PULLED: frozenset({"build", "forceRemove", "keepLocally"}),
}
"""Inputs whose change replaces nothing, by type: those that the provider's schema does not mark `willReplaceOnChanges`.

`replace_on_changes` of a resource takes some of them back: of a few the engine would not be told.
"""


def own_fate(resource: Resource, changed: AbstractSet[str]) -> Fate:
    """Return what a change of these inputs does to `resource`, which is as it will be declared."""
    if not changed:
        return Fate.SAME
    if resource.type == BUILT:
        return Fate.UPDATED
    if changed <= KEPT.get(resource.type, frozenset()) - set(resource.replace_on_changes):
        return Fate.UPDATED
    return replacement(resource)


def replacement(resource: Resource) -> Fate:
    """Return in which order old and new one change places."""
    first = resource.delete_before_replace
    if first is None:
        # The provider says so of containers; of what has a fixed name Pulumi knows that there cannot be two.
        named = resource.type in (VOLUME, NETWORK) and bool(resource.inputs.get("name"))
        first = resource.type == CONTAINER or named
    return Fate.AFTER if first else Fate.BESIDE
