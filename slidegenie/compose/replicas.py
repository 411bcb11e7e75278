"""What to do so that exactly the wanted replicas of a service run, without a moment in which nobody serves.

Decisions only, from what the engine shows: so it does not matter what an earlier rollout has left, or where it was
killed.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from components.core.labels import CONFIG_LABEL

from ..engine.docker import health
from ..plan.view import Service

_NUMBER_LABEL = "com.docker.compose.container-number"


@dataclass(frozen=True)
class Wanted:
    """What a service is to become."""

    config_hash: str
    """What Compose writes on its containers."""
    image: str
    """ID of its image; empty when the engine does not have it yet."""
    replicas: int = 1
    surge: int = 1
    """Containers that start together, and at most so many above `replicas`."""


@dataclass(frozen=True)
class Replica:
    """A container of a service, as it is."""

    id: str
    number: int
    """Which of them it is, in Compose's count."""
    config_hash: str
    """What Compose has written on it."""
    image: str
    running: bool
    health: str
    """`healthy`, `unhealthy` or `starting` while it runs."""

    @classmethod
    def of(cls, container: Mapping[str, Any]) -> Self:
        """Read what `docker inspect` says."""
        labels, state = container["Config"]["Labels"], container["State"]
        return cls(
            id=container["Id"],
            number=int(labels.get(_NUMBER_LABEL, 0)),
            config_hash=labels.get(CONFIG_LABEL, ""),
            image=container["Image"],
            running=bool(state["Running"]),
            health=health(dict(container)),
        )

    @property
    def serves(self) -> bool:
        """Whether the proxy sends requests to it."""
        return self.running and self.health == "healthy"

    def made_from(self, wanted: Wanted) -> bool:
        """Tell whether it is what is wanted."""
        return (self.config_hash, self.image) == (wanted.config_hash, wanted.image)


@dataclass(frozen=True)
class Start:
    """Start new containers and see them healthy."""

    containers: int
    """How many, at the same time."""
    total: int
    """Containers that the service has then."""


@dataclass(frozen=True)
class Wait:
    """See that containers become healthy which were started before."""

    containers: tuple[str, ...]


@dataclass(frozen=True)
class Clear:
    """Remove containers that serve nobody."""

    containers: tuple[str, ...]


@dataclass(frozen=True)
class Retire:
    """Remove containers one after the other, each once all new ones are healthy and it has finished what it does."""

    containers: tuple[str, ...]


Step = Clear | Wait | Start | Retire


def steps(wanted: Wanted, found: Iterable[Replica]) -> list[Step]:
    """Return how to come from the containers that were `found` to what is `wanted`, each step after the one before.

    Every new container is healthy before one that serves is removed. What serves nobody goes first: a container that
    has ended, and one that is not healthy while as many as wanted are, which is what a broken rollout left.
    """
    replicas = sorted(found, key=lambda replica: replica.number)
    running = [replica for replica in replicas if replica.running]
    serving = [replica for replica in running if replica.serves]
    current = [replica for replica in running if replica.made_from(wanted)]
    coming = [replica for replica in current if replica.health == "starting"]
    kept = [*(replica for replica in current if replica.serves), *coming][: wanted.replicas]
    broken = [replica for replica in running if not replica.serves and replica not in kept]
    useless = [replica for replica in replicas if not replica.running]
    if len(serving) >= wanted.replicas:
        useless += broken
    left = len(replicas) - len(useless)
    # Those that serve last.
    old = sorted(
        (replica for replica in running if replica not in kept and replica not in useless),
        key=lambda replica: replica.serves,
    )
    waited = [replica for replica in kept if replica in coming]
    return [
        *([Clear(_ids(useless))] if useless else []),
        *([Wait(_ids(waited))] if waited else []),
        *_exchanged(wanted, wanted.replicas - len(kept), left, old, surge=wanted.surge if serving else wanted.replicas),
    ]


def _exchanged(wanted: Wanted, missing: int, there: int, old: Sequence[Replica], *, surge: int) -> Iterator[Step]:
    """Yield starts in batches, and after each what makes room for the next one."""
    while missing > 0:
        batch = min(surge, missing)
        missing, there = missing - batch, there + batch
        yield Start(batch, there)
        going = old[: max(there - wanted.replicas, 0)] if missing > 0 else ()
        if going:
            yield Retire(_ids(going))
            there, old = there - len(going), old[len(going) :]
    if old:
        yield Retire(_ids(old))


def _ids(replicas: Iterable[Replica]) -> tuple[str, ...]:
    return tuple(replica.id for replica in replicas)


@dataclass(frozen=True)
class Stage:
    """Part of a rollout: what Compose brings up, then what rolls."""

    together: tuple[Service, ...]
    """Stores, jobs, the edge: Compose stops one that has changed before it starts the new one."""
    rolling: tuple[Service, ...]
    """Services whose new containers are healthy before the old ones go."""


def stages(services: Sequence[Service]) -> list[Stage]:
    """Return the services in the order of what they need: what needs a rolling one comes in a later stage."""
    by_name = {service.name: service for service in services}

    @functools.cache
    def rank(name: str) -> int:
        return max((rank(other) + by_name[other].rolling for other in by_name[name].after), default=0)

    return [
        Stage(
            tuple(service for service in services if rank(service.name) == number and not service.rolling),
            tuple(service for service in services if rank(service.name) == number and service.rolling),
        )
        for number in sorted({rank(service.name) for service in services})
    ]
