"""Plans of a program at two revisions, each made by the code of its own revision."""

import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.settings import SettingsError
from components.settings.load import StackFile
from components.settings.yaml_file import write_yaml

from ..console import Problem
from ..plan import Plan
from ..plan.as_json import SECRET_KEY, has_marks, read_plan, without_marks
from ..plan.program import project_name, stack_names
from ..plan.view import BUILT
from .checkout import Checkout, Repository, in_context
from .compared import Comparison
from .stock import SecretChange

_KEPT = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "VIRTUAL_ENV")
"""What the code of a revision is told of the environment: no login, no engine, no state."""
_PATIENCE_SECONDS = 120
_Values = Mapping[tuple[str, ...], Any]


@dataclass(frozen=True)
class Sides:
    """One stack at two revisions."""

    comparison: Comparison
    """The two plans."""
    given: Sequence[SecretChange]
    """Secrets of the stack file that somebody gave, took back or replaced."""


class Planner:
    """Plans stacks of a program at two revisions, all at the same time."""

    def __init__(self, repository: Repository, scratch: Path, before: Checkout, after: Checkout) -> None:
        self._repository, self._scratch, self._before, self._after = repository, scratch, before, after
        # Thrown away with this object: nobody can find out by the plans what a secret is.
        self._key = secrets.token_hex(32)

    def stacks(self) -> list[str]:
        """Return the names of the stacks of both sides."""
        sides = (self._before, self._after)
        return sorted({name for side in sides for name in stack_names(side.root)})

    def plan(self, stacks: Sequence[str]) -> dict[str, Sides]:
        """Return both sides of each stack; of one that a side does not have, that side is empty.

        Raises:
            Problem: when a side cannot be planned, or no side has a stack.
        """
        for stack in stacks:
            if not any(stack in stack_names(side.root) for side in (self._before, self._after)):
                known = ", ".join(self.stacks()) or "none"
                sides = f"neither in {self._before.name} nor in {self._after.name}"
                raise Problem(f"stack {stack!r} is {sides}; known stacks: {known}")
        files = self._repository.changed_files(self._before, self._after)
        given = {stack: self._given(stack) for stack in stacks}
        with ThreadPoolExecutor() as pool:
            before = {stack: pool.submit(self._plan, self._before, stack) for stack in stacks}
            after = {stack: pool.submit(self._plan, self._after, stack) for stack in stacks}
            plans = {stack: alike(before[stack].result(), after[stack].result()) for stack in stacks}
        return {
            stack: Sides(Comparison(old, new, rebuilt=_rebuilt(new, self._after, files)), given[stack])
            for stack, (old, new) in plans.items()
        }

    def _plan(self, side: Checkout, stack: str) -> Plan:
        if stack not in stack_names(side.root):
            return Plan(self._project(side), stack)
        done = self._run(side, stack)
        original = side.root / f"{_file(stack)}.original"
        if done.returncode != 0 and original.is_file():
            # What stood in for an encrypted value is refused, such as in the place of a key.
            original.replace(side.root / _file(stack))
            done = self._run(side, stack)
        if done.returncode != 0:
            raise Problem(f"{side.name}: stack {stack} cannot be planned: {_said(done.stderr, side)}")
        try:
            # Paths of the folder it was planned in are nobody's business.
            return read_plan(json.loads(done.stdout.replace(f"{side.root}{os.sep}", "").replace(str(side.root), ".")))
        except (ValueError, KeyError, TypeError):
            raise Problem(
                f"{side.name}: stack {stack} cannot be planned: `slidegenie plan --json` printed something else"
            ) from None

    def _project(self, side: Checkout) -> str:
        other = self._after if side is self._before else self._before
        return project_name(other.root)

    def _run(self, side: Checkout, stack: str) -> subprocess.CompletedProcess[str]:
        home = self._scratch / "home"
        home.mkdir(exist_ok=True)
        told = {name: os.environ[name] for name in _KEPT if name in os.environ}
        told |= {"HOME": str(home), "SLIDEGENIE_HOME": str(home / "slidegenie"), SECRET_KEY: self._key}
        # The library may be elsewhere in the same repository.
        paths = [self._moved(Path(path), side) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        told |= {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}
        try:
            return subprocess.run(  # noqa: S603 - no shell
                [sys.executable, "-m", "slidegenie", "plan", "--stack", stack, "--json"],
                cwd=side.root,
                env=told,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Problem(
                f"{side.name}: stack {stack} cannot be planned: it took more than {_PATIENCE_SECONDS} s"
            ) from None

    def _moved(self, path: Path, side: Checkout) -> str:
        absolute = path.resolve()
        top = self._repository.top.resolve()
        return str(side.top / absolute.relative_to(top)) if absolute.is_relative_to(top) else str(absolute)

    def _given(self, stack: str) -> list[SecretChange]:
        """Return what somebody did to secrets, and have the plans show who reads one that is encrypted anew."""
        old, new = _secrets(self._before, stack), _secrets(self._after, stack)
        anew = [place for place in old.keys() & new.keys() if old[place] != new[place]]
        encrypted = [place for place in anew if _is_encrypted(old[place]) and _is_encrypted(new[place])]
        if encrypted:
            _stand_in(self._after, stack, {place: new[place] for place in encrypted})
        said = dict.fromkeys(new.keys() - old.keys(), "given")
        said |= dict.fromkeys(old.keys() - new.keys(), "given no longer")
        said |= dict.fromkeys(anew, "given anew")
        return [SecretChange(name=".".join(place), what=what) for place, what in sorted(said.items())]


def alike(before: Plan, after: Plan) -> tuple[Plan, Plan]:
    """Return both with secrets that can be told apart only where each side tells them apart; an older one does not."""
    if all(has_marks(plan) for plan in (before, after) if plan.resources):
        return before, after
    return without_marks(before), without_marks(after)


def _file(stack: str) -> str:
    return f"Pulumi.{stack}.yaml"


def _rebuilt(plan: Plan, side: Checkout, files: Sequence[str]) -> dict[str, list[str]]:
    """Return the changed files of each build, by the place of its resource."""
    found = {}
    for build in plan.of_type(BUILT):
        location = str((build.inputs.get("context") or {}).get("location") or "")
        recipe = str((build.inputs.get("dockerfile") or {}).get("location") or "")
        if not location or "://" in location:
            continue
        ignore = next(
            (
                file.read_text(encoding="utf-8", errors="replace")
                for file in (side.root / f"{recipe}.dockerignore", side.root / location / ".dockerignore")
                if file.is_file()
            ),
            "",
        )
        used = in_context(files, location, ignore)
        used += [file for file in files if file == recipe and file not in used]
        if used:
            found[build.place] = sorted(used)
    return found


def _said(stderr: str, side: Checkout) -> str:
    """Return what a failed plan said, in one line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    told = [line.removeprefix("==> ") for line in lines if line.startswith("==> ")]
    more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
    line = told[0] + more if told else (lines[-1] if lines else "it said nothing")
    return line.replace(f"{side.root}{os.sep}", "").replace(f"{side.top}{os.sep}", "").replace(str(side.root), ".")


def _secrets(side: Checkout, stack: str) -> _Values:
    """Return what the stack file has in the section of secrets, and whatever is encrypted, by its place."""
    try:
        project = project_name(side.root)
        configuration = StackFile.read(side.root / _file(stack), project).configuration
    except (SettingsError, OSError):
        # What is wrong with it, the plan says better.
        return {}
    return {
        place: leaf
        for key, value in configuration.items()
        for place, leaf in _leaves((key.removeprefix(f"{project}:"),), value)
        if place[0] == "secrets" or _is_encrypted(leaf)
    }


def _leaves(place: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and not _is_encrypted(value):
        for key, item in value.items():
            yield from _leaves((*place, str(key)), item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves((*place, str(number)), item)
    else:
        yield place, value


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"}


def _stand_in(side: Checkout, stack: str, values: _Values) -> None:
    """Put a text in the place of each encrypted value, another one for each: nobody can read them to compare.

    The plan masks both, and whatever reads the value shows as changed.
    """
    file = side.root / _file(stack)
    project = project_name(side.root)
    read = StackFile.read(file, project)
    configuration = dict(read.configuration)
    for place, value in values.items():
        text = f"encrypted-{hashlib.sha256(str(value['secure']).encode()).hexdigest()[:32]}"
        key = next(key for key in configuration if key.removeprefix(f"{project}:") == place[0])
        configuration[key] = _put(configuration[key], place[1:], text)
    file.replace(side.root / f"{_file(stack)}.original")
    file.write_text(write_yaml(read.document | {"config": configuration}), encoding="utf-8")


def _put(value: Any, place: Sequence[str], text: str) -> Any:
    if not place:
        return text
    if isinstance(value, list):
        return [_put(item, place[1:], text) if str(number) == place[0] else item for number, item in enumerate(value)]
    return {key: _put(item, place[1:], text) if str(key) == place[0] else item for key, item in value.items()}
