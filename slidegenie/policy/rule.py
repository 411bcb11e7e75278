"""What a rule is: a pure function, and what it is asked about."""

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from components.core.policy import ContainerPolicy

from .properties import Found, Properties


class Kind(enum.Enum):
    """What is judged."""

    CONTAINER = "container"
    """A container that runs, for ever or to its end."""
    IDLE = "container that never starts"
    """A container that only fills a volume."""
    SERVICE = "Swarm service"
    """Containers that a swarm makes."""
    NETWORK = "network"
    """A network."""
    VOLUME = "volume"
    """A volume."""
    IMAGE = "image"
    """An image that is pulled."""


RUNNING = frozenset({Kind.CONTAINER, Kind.SERVICE})
ALL_CONTAINERS = RUNNING | {Kind.IDLE}


@dataclass(frozen=True, kw_only=True)
class ProgramFacts:
    """What a rule has to know of the rest of the program, or of the engine."""

    built: frozenset[str] = frozenset()
    """Tags of images that the same program builds."""
    pushed: frozenset[str] = frozenset()
    """Repositories that it pushes them to, with their registry."""
    pulled: frozenset[str] = frozenset()
    """Names that stand for image IDs, where nothing real gave one."""
    planned: bool = False
    """Whether it is that of a plan, where an image has no ID yet: one that is there was written down by somebody."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """The zone of each network, by its name and by its ID where that is known; empty where it is of none."""


@dataclass(frozen=True, kw_only=True)
class JudgedResource:
    """What is asked about, in the shape of the Docker provider's container."""

    kind: Kind
    """What it is."""
    name: str
    """The resource's name."""
    container: str
    """The service's name; the resource's where it has none."""
    properties: Properties
    """Its properties."""
    facts: ProgramFacts = ProgramFacts()
    """What else there is."""


Check = Callable[[JudgedResource, ContainerPolicy], Iterator[Found]]


@dataclass(frozen=True, kw_only=True)
class RuleCheck:
    """A rule of the file with the function that judges it."""

    id: str
    """Its name in the file."""
    kinds: frozenset[Kind]
    """What it is about."""
    check: Check
    """Yields what is wrong."""
