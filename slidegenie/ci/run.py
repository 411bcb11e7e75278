"""The run of a workflow that another one was started by, as the forge tells it.

Nothing of it is the branch's own word but the name of the branch, which is looked for and never carried out.
"""

import enum
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..console import Problem

_Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class Kind(enum.StrEnum):
    """What a workflow has to say about a pull request; also the name of the workflow, its artifact and the file."""

    DIFF = "diff"
    PREVIEW = "preview"

    @property
    def heading(self) -> str:
        """The first line of the comment that a reader sees."""
        return {Kind.DIFF: "What this change does", Kind.PREVIEW: "Preview against what runs"}[self]

    @property
    def circumstances(self) -> str:
        """How the run that says it was let begin."""
        return {Kind.DIFF: "without any secret", Kind.PREVIEW: "that a maintainer has let begin"}[self]

    @property
    def from_forks(self) -> bool:
        """Whether a fork may say it: it can call a workflow of its own by any name, and has seen no state."""
        return self is Kind.DIFF


class _FromForge(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class Owner(_FromForge):
    """Whose a repository is."""

    login: str


class Repository(_FromForge):
    """A repository."""

    id: int
    owner: Owner


class Run(_FromForge):
    """A run that has ended."""

    id: int
    name: Kind = Field(strict=False)
    event: str
    """What started it."""
    head_sha: _Commit
    head_branch: str
    head_repository: Repository
    repository: Repository

    @property
    def of_fork(self) -> bool:
        """Whether it ran the code of another repository."""
        return self.head_repository.id != self.repository.id

    @classmethod
    def read(cls, file: Path) -> "Run":
        """Read it from the event that started this workflow.

        Raises:
            Problem: when the file has no such event.
        """
        try:
            event: Any = json.loads(file.read_text(encoding="utf-8"))
            return cls.model_validate(event["workflow_run"])
        except ValidationError as error:
            first = error.errors()[0]
            why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = f"{type(error).__name__}: {error}"
        raise Problem(
            f"{file}: no event of a workflow run ({why}); this command is for a workflow that `workflow_run` starts"
            " (GITHUB_EVENT_PATH)"
        )


class Side(_FromForge):
    """One side of a pull request."""

    sha: _Commit
    repo: Repository | None
    """`None` where the fork was deleted."""


class PullRequest(_FromForge):
    """A pull request."""

    number: int
    head: Side
    base: Side

    def is_of(self, run: Run) -> bool:
        """Tell whether the run was about what the pull request proposes now."""
        proposed = (self.head.repo.id, self.head.sha) if self.head.repo else None
        return proposed == (run.head_repository.id, run.head_sha)
