"""What a rule is: a pure function, what it is asked about, and how it reads that.

Properties are read without ever taking a value that is not known yet for one that is missing.
"""

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from components.core.policy import ContainerPolicy


class _Unknown(enum.Enum):
    UNKNOWN = enum.auto()


UNKNOWN: Final = _Unknown.UNKNOWN
"""A value that a preview cannot know."""
NOT_KNOWN: Final = "is not known before the update"


class NothingKnown(dict[str, Any]):
    """A group of which nothing is known."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - the signature of a dict
        """Return `UNKNOWN`, whatever is asked."""
        return UNKNOWN


class NotKnownError(Exception):
    """A rule met a value that a preview cannot know."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)


@dataclass(frozen=True)
class Broken:
    """Something a rule found. What a person reads of it holds nothing that the resource said."""

    path: str
    what: str
    """What is wrong with it."""
    subject: str = field(default="", repr=False)
    """What an exception can name: a path, a variable, a port. Only compared, never shown."""


@dataclass(frozen=True)
class NotJudged:
    """A property that could not be judged."""

    path: str
    why: str = NOT_KNOWN


Found = Broken | NotJudged


@dataclass(frozen=True)
class Properties:
    """A group of properties, and where it is."""

    values: Mapping[str, Any]
    """The properties, in the names and shapes of `docker:index/container:Container`."""
    path: str = ""
    """Where the group is."""
    hidden: frozenset[str] = frozenset()
    """Paths that Pulumi keeps encrypted."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What a property is called where the resource is of another type."""

    def at(self, key: str) -> str:
        """Return the path of a property, as the resource's own type has it."""
        own = self.names.get(key, key)
        return f"{self.path}.{own}" if self.path else own

    def get(self, key: str) -> Any:
        """Return a property; `None` when it is missing.

        Raises:
            NotKnownError: when it is not known yet.
        """
        value = self.values.get(key)
        if value is UNKNOWN:
            raise NotKnownError(self.at(key))
        return value

    def text(self, key: str) -> str:
        """Return a property as text; empty when it is missing."""
        value = self.get(key)
        return "" if value is None else str(value).strip()

    def shown(self, key: str) -> str:
        """Return a property as text for an exception to name; empty when it is missing or not known yet."""
        value = self.values.get(key)
        return "" if value is None or value is UNKNOWN else str(value).strip()

    def number(self, key: str) -> float:
        """Return a property as a number; 0, which is what limits call none, when it is missing or not a number."""
        try:
            return float(self.text(key))
        except ValueError:
            return 0

    def flag(self, key: str) -> bool | None:
        """Return whether a property is true; `None` when it is missing."""
        value = self.get(key)
        return None if value is None else str(value).lower() == "true"

    def group(self, key: str) -> "Properties":
        """Return the group below `key`; an empty one when it is missing."""
        value = self.get(key)
        return self._below(value, self.at(key))

    def groups(self, key: str) -> list["Properties"]:
        """Return the groups in the list at `key`; each must be looked at through `each` to survive an unknown one."""
        return [
            self._below(NothingKnown() if item is UNKNOWN else item, f"{self.at(key)}[{number}]")
            for number, item in enumerate(self._list(key))
        ]

    def items(self, key: str) -> list[tuple[str, Any]]:
        """Return path and value of everything in the list or map at `key`; values may be `UNKNOWN`."""
        value = self.get(key)
        if isinstance(value, Mapping):
            return [(f'{self.at(key)}["{name}"]', item) for name, item in sorted(value.items())]
        return [(f"{self.at(key)}[{number}]", item) for number, item in enumerate(self._list(key))]

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return the map at `key`; an empty one when it is missing."""
        value = self.get(key)
        return value if isinstance(value, Mapping) else {}

    def is_hidden(self, path: str) -> bool:
        """Tell whether Pulumi keeps the value at `path` encrypted, or the group around it but not the list it is in."""
        return path in self.hidden or path.rpartition(".")[0] in self.hidden

    def _list(self, key: str) -> list[Any]:
        value = self.get(key)
        if value is None:
            return []
        return list(value) if isinstance(value, list | tuple) else [value]

    def _below(self, values: Any, path: str) -> "Properties":
        return Properties(values if isinstance(values, Mapping) else {}, path, self.hidden)


def each(groups: list[Properties], check: Callable[[Properties], Iterator[Found]]) -> Iterator[Found]:
    """Run `check` on each: one that is not known yet must not hide what is wrong with the others."""
    for group in groups:
        try:
            yield from check(group)
        except NotKnownError as unknown:
            yield NotJudged(unknown.path)


class Kind(enum.Enum):
    """What is judged."""

    CONTAINER = "container"
    """A container that runs, for ever or to its end."""
    IDLE = "container that never starts"
    """A container that only fills a volume."""
    SERVICE = "Swarm service"
    """Containers that a swarm makes."""
    NETWORK = "network"
    VOLUME = "volume"
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
    name: str
    container: str
    """The service's name; the resource's where it has none."""
    properties: Properties
    facts: ProgramFacts = ProgramFacts()
    """What else there is."""


Check = Callable[[JudgedResource, ContainerPolicy], Iterator[Found]]


@dataclass(frozen=True, kw_only=True)
class RuleCheck:
    """A rule of the file with the function that judges it."""

    id: str
    """Its name in the file."""
    kinds: frozenset[Kind]
    check: Check
    """Yields what is wrong."""
