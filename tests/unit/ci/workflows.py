"""The workflows of this repository as data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..plans import ROOT

FOLDER = ROOT / ".github" / "workflows"
GITLAB = ROOT / "examples" / "gitlab" / ".gitlab-ci.yml"


@dataclass(frozen=True)
class Job:
    """One job of a workflow."""

    file: Path
    name: str
    workflow: dict[str, Any]
    job: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file.stem}/{self.name}"

    @property
    def triggers(self) -> set[str]:
        """The events that start it."""
        on = self.workflow["on"]
        return {on} if isinstance(on, str) else set(on)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Its steps, in order."""
        steps: list[dict[str, Any]] = self.job["steps"]
        return steps

    @property
    def text(self) -> str:
        """All that it says."""
        return str(self.job)

    @property
    def runs_code_of_a_change(self) -> bool:
        """Whether whoever proposes a change says what it does."""
        return "pull_request" in self.triggers

    @property
    def members_only(self) -> bool:
        """Whether changes from forks do not start it."""
        return self.job.get("if") == "github.event.pull_request.head.repo.full_name == github.repository"


def read(file: Path) -> dict[str, Any]:
    """Return a workflow; `on` is a word here, and no boolean as in YAML 1.1."""
    document: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in document.items()}


def jobs(name: str = "*") -> list[Job]:
    """Return the jobs of all workflows, or of one."""
    files = {file: read(file) for file in sorted(FOLDER.glob(f"{name}.yml"))}
    return [Job(file, job, workflow, one) for file, workflow in files.items() for job, one in workflow["jobs"].items()]
