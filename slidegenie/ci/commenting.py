"""One comment of each kind below a pull request, kept up to date in its place."""

from typing import Any

from pydantic import ValidationError

from ..console import Problem, info
from .forge import Forge
from .run import PullRequest, Run
from .words import MOST_BYTES, comment, marker, text_in


def tell(forge: Forge, run: Run, author: str, page: str) -> None:
    """Write what a run has to say below its pull request: which one, and against what, the forge says and not the run.

    `author` is who this comments as; `page` is the address of the repository's page.

    Raises:
        Problem: when the forge refuses, or does not answer.
    """
    if run.event != "pull_request":
        info(f"run {run.id} is about no pull request but {run.event}: nothing to say")
        return
    if run.of_fork and not run.name.from_forks:
        info(f"run {run.id} is of a fork, which has no {run.name} to show: nothing is said")
        return
    pulls = [pull for pull in _proposed(forge, run) if pull.is_of(run)]
    if len(pulls) != 1:
        info(f"{len(pulls)} open pull requests propose {run.head_sha[:12]}, and a comment is for one: nothing is said")
        return
    artifacts = forge.get(f"actions/runs/{run.id}/artifacts", name=run.name.value)["artifacts"]
    if not artifacts:
        info(f"run {run.id} left no artifact {run.name}: nothing is said")
        return
    # A run that was repeated has left one each time.
    newest = max(int(artifact["id"]) for artifact in artifacts)
    archive = forge.download(f"actions/artifacts/{newest}/zip", MOST_BYTES)
    text = None if archive is None else text_in(archive, run.name)
    body = comment(run.name, pulls[0], text, f"{page}/actions/runs/{run.id}")
    _write(forge, pulls[0].number, run, author, body, empty=text is not None and not text.strip())


def _proposed(forge: Forge, run: Run) -> list[PullRequest]:
    # The run of a fork names no pull request.
    branch = f"{run.head_repository.owner.login}:{run.head_branch}"
    try:
        return [PullRequest.model_validate(pull) for pull in forge.get("pulls", state="open", head=branch)]
    except ValidationError as error:
        raise Problem(f"the forge's list of pull requests is not understood: {error.errors()[0]['loc']}") from None


def _write(forge: Forge, number: int, run: Run, author: str, body: str, *, empty: bool) -> None:
    there = next((c for c in forge.pages(f"issues/{number}/comments") if _is_ours(c, author, marker(run.name))), None)
    if there is not None:
        forge.patch(f"issues/comments/{int(there['id'])}", {"body": body})
        info(f"the comment {run.name} of pull request {number} is up to date")
    elif empty:
        info(f"nothing changes, and pull request {number} has no comment that says otherwise")
    else:
        forge.post(f"issues/{number}/comments", {"body": body})
        info(f"pull request {number} has a comment {run.name} now")


def _is_ours(found: dict[str, Any], author: str, mark: str) -> bool:
    """Tell whether a comment is this one: anybody can write the mark, nobody else is the author."""
    # The interface answers a comment with its lines ended in either way.
    return (found.get("user") or {}).get("login") == author and str(found.get("body", "")).splitlines()[:1] == [mark]
