"""Revisions of a program, each in a folder of its own, so that each is planned by its own code."""

import os
import posixpath
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..console import Problem

WORKING_TREE = "the working tree"
"""What a person calls the side that no commit has yet."""


@dataclass(frozen=True)
class Checkout:
    """The program as one revision has it."""

    name: str
    """The revision, as a person calls it."""
    tree: str
    """ID of its files in git."""
    top: Path
    """Folder of the whole repository."""
    root: Path
    """Folder of the program in it."""


class Repository:
    """The repository that a program is in. Nothing in it changes: what is made for a comparison lies in `scratch`."""

    def __init__(self, root: Path, scratch: Path) -> None:
        """`root` is the folder of the program.

        Raises:
            Problem: when that is in no git repository, or there is no git.
        """
        self._root, self._scratch = root, scratch
        self.top = Path(self._git("rev-parse", "--show-toplevel"))
        """Folder of the whole repository."""
        self._prefix = self._git("rev-parse", "--show-prefix")

    def check_out(self, revision: str | None) -> Checkout:
        """Return `revision` in a folder of its own; without one, the working tree, with what is not committed yet.

        Raises:
            Problem: when git does not know the revision.
        """
        tree = self._working_tree() if revision is None else self._tree(revision)
        name = WORKING_TREE if revision is None else revision
        number = len(list(self._scratch.glob("side-*")))
        top = self._scratch / f"side-{number}"
        top.mkdir()
        index = {"GIT_INDEX_FILE": str(self._scratch / f"index-{number}")}
        self._git("read-tree", tree, env=index)
        self._git("checkout-index", "--all", f"--prefix={top}{os.sep}", cwd=self.top, env=index)
        root = top / self._prefix
        if not root.is_dir():
            raise Problem(f"{name} has no folder {self._prefix}: the program is not in it")
        return Checkout(name, tree, top, root)

    def changed_files(self, before: Checkout, after: Checkout) -> list[str]:
        """Return the files that differ, as paths from the program's folder."""
        listed = self._git("diff-tree", "-r", "-z", "--name-only", "--no-renames", before.tree, after.tree)
        return [posixpath.relpath(path, self._prefix or ".") for path in listed.split("\0") if path]

    def _tree(self, revision: str) -> str:
        found = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}")
        if found.returncode != 0:
            raise Problem(
                f"{revision!r} is no revision that this clone has: give a branch, tag or commit, such as origin/main;"
                " `git fetch origin` gets what is missing"
            )
        return found.stdout.strip()

    def _working_tree(self) -> str:
        """Return the tree of all files that git does not ignore, from an index and a store of their own."""
        index = self._scratch / "index-working-tree"
        known = self._path("index")
        if known.is_file():
            # It knows which files did not change.
            shutil.copyfile(known, index)
        own = {"GIT_INDEX_FILE": str(index)}
        self._git("add", "--all", cwd=self.top, env=own)
        return self._git("write-tree", env=own)

    @cached_property
    def _store(self) -> dict[str, str]:
        """Where git puts new objects, and where it finds those of the repository."""
        new = self._scratch / "objects"
        new.mkdir()
        return {"GIT_OBJECT_DIRECTORY": str(new), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self._path("objects"))}

    def _path(self, name: str) -> Path:
        return self._root / self._run("rev-parse", "--git-path", name).stdout.strip()

    def _git(self, *args: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        done = self._run(*args, cwd=cwd, env={**(env or {})} | (self._store if args[0] != "rev-parse" else {}))
        if done.returncode != 0:
            said = next((line for line in done.stderr.splitlines() if line.strip()), "it said nothing")
            raise Problem(f"git {args[0]}: {said}")
        # A name may end with anything but a line break.
        return done.stdout.removesuffix("\n")

    def _run(
        self, *args: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(  # noqa: S603 - no shell
                ["git", *args],  # noqa: S607
                cwd=cwd or self._root,
                env=os.environ | (env or {}),
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise Problem("a comparison needs git, which is not installed here") from None


def in_context(files: Sequence[str], location: str, rules: str) -> list[str]:
    """Return those of `files` that a build sees: its context is the folder `location`, its ignore file says `rules`."""
    folder = posixpath.normpath(location)
    inside = (file if folder == "." else posixpath.relpath(file, folder) for file in files)
    return [
        posixpath.normpath(posixpath.join(folder, file))
        for file in inside
        if not file.startswith("../") and not _ignored(file, rules)
    ]


def _ignored(file: str, rules: str) -> bool:
    """Tell whether an ignore file of Docker leaves `file` out: its last line that fits says so."""
    ignored = False
    for line in rules.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        keeps = pattern.startswith("!")
        if _fits(posixpath.normpath(pattern.removeprefix("!").strip()).lstrip("/"), file):
            ignored = not keeps
    return ignored


def _fits(pattern: str, file: str) -> bool:
    """Tell whether a pattern names `file` or a folder above it."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]*\])", pattern)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    expression = "".join(wild.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts)
    return re.fullmatch(f"{expression}(?:/.*)?", file) is not None
