"""The build cache of the stack's own builds.

All projects on an engine share one cache, and BuildKit knows neither labels nor owners. What it does know of each
record is the command that made it: what one of the stack's Dockerfiles runs, and what stands on that, is the stack's. A
record that another project made by the very same command on the same base is the same record, and costs it one build
step.
"""

import datetime
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.images.dockerfile import instructions

from ..engine.docker import docker
from .cleanup import moment

_EXEC = re.compile(r"^mount \S+ from exec .*?-c (?P<command>.*)$", re.DOTALL)


def steps(dockerfile: Path) -> list[str]:
    """Return the commands that a Dockerfile runs, as `own_records` compares them."""
    found = instructions(dockerfile.read_text(encoding="utf-8"))
    return sorted({_plain(instruction.command) for instruction in found if instruction.name == "RUN"})


def own_records(records: Iterable[Mapping[str, Any]], known: Collection[str]) -> list[Mapping[str, Any]]:
    """Return the records that the `known` commands made, and those that stand on them; the topmost first."""
    by_id = {record["ID"]: record for record in records}
    parents = {name: _parents(record) for name, record in by_id.items()}
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


def unused(records: Sequence[Mapping[str, Any]], days: int, now: datetime.datetime) -> list[str]:
    """Return the IDs of records that no build and no image uses, and that none has used for `days`."""
    return [
        record["ID"]
        for record in records
        if record["InUse"] == record["Shared"] == "false"
        and now - moment(record.get("LastUsedAt") or record["CreatedAt"]) > datetime.timedelta(days=days)
    ]


def read() -> list[Mapping[str, Any]]:
    """Return all records of the engine's own builder."""
    said = docker("system", "df", "--verbose", "--format", "{{json .BuildCache}}").stdout
    records: list[Mapping[str, Any]] = json.loads(said) or []
    return records


def remove(identity: str) -> None:
    """Remove one record; one that came into use meanwhile stays."""
    docker("builder", "prune", "--all", "--force", "--filter", f"id={identity}")


def _command(record: Mapping[str, Any]) -> str | None:
    found = _EXEC.match(record["Description"])
    return _plain(found["command"]) if found else None


def _parents(record: Mapping[str, Any]) -> list[str]:
    return [parent for parent in re.split(r",\s*", record.get("Parent") or "") if parent]


def _plain(command: str) -> str:
    """Return a command with single blanks: continued lines are joined in two ways."""
    return " ".join(command.split())
