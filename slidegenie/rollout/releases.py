"""The last good releases of a stack: what each ran, so that it can run again.

A release is the application: its image and the section `backend` of the settings. Data stores, edge and monitoring are
not part of it; going back with them could cost data.
"""

import dataclasses
import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ..user_folder import write_private

KEPT = 5
_SCHEMA = re.compile(r"migrate: schema (\{.*\})")


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
        values = json.loads(found.group(1))
        return cls(str(values["head"]), tuple(values["compatible_with"]))


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
    """Commit of the checkout it was brought up from."""
    at: str
    """When it was up, UTC."""
    image: str
    """What ran: an image ID of the engine, or `name@sha256:...`."""
    settings: Mapping[str, Any] = field(repr=False)
    """Section `backend` of its settings."""
    schema: Schema | None
    """What its migrations said; `None` when they said nothing."""
    abandoned: bool = False
    """Whether somebody rolled back from it: it is no release to go back to."""


@dataclass(frozen=True)
class Releases:
    """The releases of one stack, oldest first, and which of them runs."""

    path: Path
    """Where they are written down."""
    known: tuple[Release, ...] = ()
    """At most `KEPT`; those that were rolled back from go first."""
    current: int | None = None
    """Number of the one that came up last."""
    held: bool = False
    """Whether a rollback put it there, so that the settings and the code say something else."""
    attempt: bool = False
    """Whether a rollout began and has not succeeded."""

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read what is known of the stack that keeps its files in `folder`."""
        path = folder / "releases.json"
        if not path.is_file():
            return cls(path)
        values = json.loads(path.read_text(encoding="utf-8"))
        known = tuple(Release(**{**item, "schema": _schema(item["schema"])}) for item in values.pop("known"))
        return cls(path, known, **values)

    def running(self) -> Release | None:
        """Return the one that came up last; during a broken rollout it still serves."""
        return next((release for release in self.known if release.number == self.current), None)

    def target(self) -> Release | None:
        """Return where a rollback goes: to what serves while a rollout is broken, else to the release before it."""
        if self.attempt:
            return self.running()
        earlier = [r for r in self.known if not r.abandoned and self.current is not None and r.number < self.current]
        return earlier[-1] if earlier else None

    def begin(self) -> "Releases":
        """Note that a rollout begins."""
        return self._written(attempt=True)

    def succeeded(self, **release: Any) -> "Releases":
        """Note that a rollout succeeded and what runs now; the same release again is not another one."""
        running = self.running()
        made = Release(
            number=1 + max((known.number for known in self.known), default=0),
            at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            **release,
        )
        if running and not running.abandoned and (running.image, running.settings) == (made.image, made.settings):
            return self._written(attempt=False, held=False)
        return self._written(known=_kept((*self.known, made)), current=made.number, attempt=False, held=False)

    def went_back(self, target: Release) -> "Releases":
        """Note that a rollback to `target` succeeded: every later one is abandoned."""
        known = tuple(dataclasses.replace(r, abandoned=r.abandoned or r.number > target.number) for r in self.known)
        return self._written(known=known, current=target.number, attempt=False, held=True)

    def _written(self, **changes: Any) -> "Releases":
        changed = dataclasses.replace(self, **changes)
        values = dataclasses.asdict(changed)
        del values["path"]
        write_private(self.path, json.dumps(values, indent=2, sort_keys=True) + "\n", mode=0o600)
        return changed


def _kept(known: Sequence[Release]) -> tuple[Release, ...]:
    """Return the releases to keep: what was rolled back from goes first, in a long incident too."""
    good, abandoned = [r for r in known if not r.abandoned], [r for r in known if r.abandoned]
    kept = [*abandoned, *good][-KEPT:]
    return tuple(release for release in known if release in kept)


def refusal(target: Release, schema: Schema | None) -> str | None:
    """Say why `target` cannot run on the database as it is; `None` when it can.

    `schema` is what the migrations that ran last said.
    """
    if schema is None or target.schema is None:
        return (
            "the migrations of one of the two releases do not say whether they can go back"
            " (a line `migrate: schema {...}` in the migration job's output, see docs/operations.md);"
            " if you know that the older release works on this database, `make rollback FORCE=yes`"
        )
    if target.schema.head in schema.compatible_with:
        return None
    return (
        f"the database is at revision {schema.head}, which works with releases of revision"
        f" {', '.join(schema.compatible_with)}; {target.version} needs {target.schema.head}. Roll forward (fix the"
        " cause, `make up`), or go back with the data too: `make restore SNAPSHOT=... MIGRATE=no` with the backup from"
        " before that migration, then `make rollback FORCE=yes`"
    )


def listed(releases: Sequence[Release], current: int | None, schema: Schema | None) -> list[str]:
    """Return a line for each release, newest first."""
    lines = [f"{'':<2}{'no.':<5}{'version':<20}{'commit':<28}{'up since (UTC)':<21}can go back to it"]
    for release in reversed(releases):
        why = refusal(release, schema)
        verdict = "abandoned" if release.abandoned else "runs" if release.number == current else "no" if why else "yes"
        at = release.at.removesuffix("+00:00").replace("T", " ")
        mark = "*" if release.number == current else ""
        lines.append(f"{mark:<2}{release.number:<5}{release.version:<20}{release.revision[:26]:<28}{at:<21}{verdict}")
    return lines


def _schema(values: Mapping[str, Any] | None) -> Schema | None:
    return Schema(values["head"], tuple(values["compatible_with"])) if values else None
