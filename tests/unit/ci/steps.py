"""Carry out the steps of a workflow as its runner does, in a clone that came from a repository elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..plans import ROOT
from .workflows import Job

_EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")
_NOTES = """#!/bin/bash
cat >/dev/null
{ printf NAME; printf ' %q' "$@"; echo; } >>LOG
"""
"""Stands in for a program: writes down how it was called."""


@dataclass(frozen=True)
class Clone:
    """A checkout on a runner, with nothing in its environment but what a runner has."""

    root: Path
    home: Path
    given: dict[str, str] = field(default_factory=dict)
    """What the runner knows: the values of expressions."""

    @classmethod
    def make(cls, remote: Path, revision: str, folder: Path) -> "Clone":
        """Clone a revision of `remote` into `folder`, with the packages of this Python."""
        git(folder.parent, "clone", "--quiet", str(remote), str(folder))
        git(folder, "checkout", "--quiet", "--detach", revision)
        home = folder.with_name(f"{folder.name}-home")
        home.mkdir()
        # What is up to date is not installed.
        environment = folder / ".venv"
        environment.mkdir()
        for item in Path(sys.prefix).iterdir():
            if item.name not in (".runtime", ".dev"):
                (environment / item.name).symlink_to(item)
        for mark in (".runtime", ".dev"):
            (environment / mark).touch()
        return cls(folder, home)

    def stub(self, *programs: str) -> Path:
        """Put programs that only note how they were called before all others; return the file they note it in.

        So does the Python of the clone.
        """
        log, folder, environment = self.home / "log", self.home / "bin", self.root / ".venv"
        log.touch()
        shutil.rmtree(environment)
        for program in (*(folder / name for name in programs), environment / "bin" / "python"):
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(_NOTES.replace("NAME", program.name).replace("LOG", str(log)), encoding="utf-8")
            program.chmod(0o755)
        return log

    def carry_out(self, job: Job, **environment: str) -> list["subprocess.CompletedProcess[str]"]:
        """Carry out the `run:` lines of a job in order, until one fails."""
        done = []
        for step in job.steps:
            if "run" not in step:
                continue
            named: dict[str, str] = {**job.job.get("env", {}), **step.get("env", {})}
            variables = {name: self._value(str(value)) for name, value in named.items()}
            done.append(self._run(step["run"], {**environment, **variables}))
            if done[-1].returncode != 0:
                break
        return done

    def _run(self, script: str, variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        bare = {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "SLIDEGENIE_HOME": str(self.home / ".slidegenie"),
            "GITHUB_STEP_SUMMARY": str(self.home / "summary"),
            "PYTHONPATH": str(self.root),
        }
        # As GitHub starts it where a workflow says `shell: bash`.
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(
            command,
            cwd=self.root,
            env=bare | dict(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _value(self, text: str) -> str:
        return _EXPRESSION.sub(lambda found: self.given[found[1]], text)


def repository(folder: Path) -> Path:
    """Return a bare repository whose branch `main` has the files of this checkout."""
    work, bare = folder / "work", folder / "bare.git"
    listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, work / name)
    git(work, "init", "--quiet", "--initial-branch", "main")
    commit(work, "what is there")
    git(folder, "clone", "--quiet", "--bare", str(work), str(bare))
    git(work, "remote", "add", "origin", str(bare))
    return bare


def propose(bare: Path, branch: str, files: Mapping[str, str]) -> str:
    """Push a branch on `main` with other contents of some files; return its commit."""
    work = bare.with_name("work")
    git(work, "checkout", "--quiet", "-B", branch, "main")
    for name, content in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(content, encoding="utf-8")
    commit(work, branch)
    git(work, "push", "--quiet", "origin", branch)
    return git(work, "rev-parse", "HEAD").strip()


def commit(work: Path, message: str) -> None:
    """Commit all that is there."""
    git(work, "add", "--all")
    git(work, "-c", "user.name=ann", "-c", "user.email=ann@example.com", "commit", "--quiet", "--message", message)


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
