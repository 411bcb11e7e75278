"""The last good releases of a stack: what each ran, so that it can run again.

A release is the application: its image and the section `backend` of the settings. Data stores, edge and monitoring are
not part of it; going back with them could cost data.
"""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from ..core.text import as_whole

KEPT = 5
"""So many releases are known at most."""
_SCHEMA = re.compile(r"migrate: schema (\{.*\})")
_OF_A_BUILD = {"context", "dockerfile", "stage"}
"""Settings that a ready image leaves nothing to say for."""


@dataclass(frozen=True)
class Schema:
    """What the migrations of a release said of the database."""

    head: str
    """Newest revision."""
    compatible_with: tuple[str, ...]
    """Newest revisions of the releases that work on it."""

    @classmethod
    def said(cls, logs: str) -> Self | None:
        """Return what the migration job printed; `None` when it said nothing of the kind."""
        if (found := _SCHEMA.search(logs)) is None:
            return None
        return cls.of(json.loads(found.group(1)))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the same from plain values."""
        return cls(str(values["head"]), tuple(map(str, values["compatible_with"])))


NO_SCHEMA = Schema("none", ("none",))
"""What a release without migrations needs of the database: another one without is as good."""


@dataclass(frozen=True)
class Release:
    """One release that came up well."""

    number: int
    """Counts up; never used twice."""
    version: str
    """`backend.release`."""
    revision: str
    """What Git calls the checkout that it was brought up from."""
    at: str
    """When it was up, UTC."""
    image: str
    """What ran: an image ID of the engine, or `name@sha256:...`."""
    settings: Mapping[str, Any] = field(repr=False)
    """Section `backend` of its settings, as a stack file has it."""
    schema: Schema | None
    """What its migrations said; `None` when they said nothing."""
    abandoned: bool = False
    """Whether somebody went back from it: it is no release to go back to."""

    @property
    def on_engine(self) -> bool:
        """Whether its image is the engine's alone; one of a registry is kept there."""
        return "@" not in self.image

    def runs_again(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """Return the section `backend` that makes this release run, where `now` is what the section says today.

        Its volumes are data, and do not go back with it.
        """
        volumes = {"volumes": kept} if (kept := now.get("volumes")) else {}
        ready = {key: value for key, value in self.settings.items() if key not in {*_OF_A_BUILD, "volumes"}}
        return ready | volumes | {"image": self.image, "reference": _of_the_reference(self.settings)}


@dataclass(frozen=True)
class Releases:
    """The releases of one stack, oldest first, and which of them runs."""

    known: tuple[Release, ...] = ()
    """At most `KEPT`; those that somebody went back from go first."""
    current: int | None = None
    """Number of the one that came up last; during a broken rollout it still serves."""
    held: bool = False
    """Whether somebody went back to it, so that the rest of the settings and the code say something else."""

    @classmethod
    def of(cls, output: Mapping[str, Any] | None) -> Self:
        """Read the stack's output `releases`. Pulumi keeps no empty values in it, and knows floating numbers only."""
        values = _as_written(output or {})
        known = tuple(
            Release(**{**item, "schema": Schema.of(item["schema"]) if item.get("schema") else None})
            for item in values.get("known") or ()
        )
        return cls(known, values.get("current"), bool(values.get("held")))

    def output(self) -> dict[str, Any]:
        """Return what the stack's output `releases` has."""
        known = [dataclasses.asdict(release) for release in self.known]
        return {"current": self.current, "held": self.held, "known": known}

    def running(self) -> Release | None:
        """Return the one that came up last."""
        return self.numbered(self.current)

    def schema(self, said: Schema | None) -> Schema | None:
        """Return the schema of the database: what its last migrations `said`, else those of what runs."""
        running = self.running()
        return said or (running.schema if running else None)

    def numbered(self, number: int | None) -> Release | None:
        """Return the release with this number; `None` when there is none."""
        return next((release for release in self.known if release.number == number), None)

    def before(self) -> Release | None:
        """Return the newest one before the one that runs, from which nobody went back."""
        earlier = [r for r in self.known if not r.abandoned and self.current is not None and r.number < self.current]
        return earlier[-1] if earlier else None

    def has(self, image: str, settings: Mapping[str, Any]) -> bool:
        """Tell whether that is what runs, as a release of its own."""
        running = self.running()
        same = running and not running.abandoned and (running.image, running.settings) == (image, settings)
        return bool(same)

    def succeeded(self, **release: Any) -> Self:
        """Return the list after a rollout of `release`; the same release again is not another one."""
        if self.has(release["image"], release["settings"]):
            return dataclasses.replace(self, held=False)
        made = Release(number=1 + max((known.number for known in self.known), default=0), **release)
        return dataclasses.replace(self, known=_kept((*self.known, made)), current=made.number, held=False)

    def went_back(self, number: int) -> Self:
        """Return the list after the release with this number was brought back: every later one is abandoned."""
        known = tuple(dataclasses.replace(r, abandoned=r.abandoned or r.number > number) for r in self.known)
        return dataclasses.replace(self, known=known, current=number, held=True)


def refusal(target: Release, schema: Schema | None) -> str | None:
    """Say why `target` cannot run on the database as it is; `None` when it can.

    `schema` is what the migrations that ran last said.
    """
    if schema is None or target.schema is None:
        return (
            "the migrations of one of the two releases do not say whether they can go back"
            " (a line `migrate: schema {...}` in the migration job's output, see docs/operations.md);"
            " if you know that the older release works on this database, `make rollback FORCE=yes`, or"
            " `backend.rollbackUnchecked: true`"
        )
    if target.schema.head in schema.compatible_with:
        return None
    return (
        f"the database is at revision {schema.head}, which works with releases of revision"
        f" {', '.join(schema.compatible_with)}; {target.version} needs {target.schema.head}. Roll forward (fix the"
        " cause, `make up`), or go back with the data too: `make restore SNAPSHOT=... MIGRATE=no` with the backup from"
        " before that migration, then `make rollback FORCE=yes`, or `backend.rollbackUnchecked: true`"
    )


def migrates(settings: Mapping[str, Any]) -> bool:
    """Tell whether a release with this section `backend` has migrations."""
    return bool(settings.get("migrateCommand", _of_the_reference(settings)))


def _kept(known: Sequence[Release]) -> tuple[Release, ...]:
    """Return the releases to keep: what somebody went back from goes first, in a long incident too."""
    good, abandoned = [r for r in known if not r.abandoned], [r for r in known if r.abandoned]
    kept = [*abandoned, *good][-KEPT:]
    return tuple(release for release in known if release in kept)


def _of_the_reference(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("reference") or not (settings.get("context") or settings.get("image")))


def _as_written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_written(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_written(item) for item in value]
    return as_whole(value)
