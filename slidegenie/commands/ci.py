"""Commands that the workflows call and people rarely do."""

import os
from pathlib import Path
from typing import Annotated

import typer

from components.core.labels import SERVICE_LABEL

from ..ci.commenting import tell
from ..ci.forge import Forge
from ..ci.run import Run
from ..ci.smoke import check_answers
from ..console import Problem, warn
from ..context import Context
from ..engine.docker import containers
from ..plan import Plan
from ..rollout.rollout import RolloutFailed
from . import releases
from . import stack as of_stack
from .options import Engine, SavedPlan, Stack

commands = typer.Typer(help="What workflows do: tell a pull request, roll out with a way back.", no_args_is_help=True)


@commands.command()
def comment(
    *,
    author: Annotated[
        str, typer.Option("--author", metavar="LOGIN", help="Who this comments as.")
    ] = "github-actions[bot]",
) -> None:
    """Show below a pull request what a workflow wrote about it, as text. For a workflow started by `workflow_run`.

    Takes GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_SERVER_URL and GITHUB_TOKEN.
    """
    repository = _variable("GITHUB_REPOSITORY")
    forge = Forge(_variable("GITHUB_API_URL"), repository, _variable("GITHUB_TOKEN"))
    page = f"{_variable('GITHUB_SERVER_URL')}/{repository}"
    tell(forge, Run.read(Path(_variable("GITHUB_EVENT_PATH"))), author, page)


@commands.command()
def up(
    stack: Stack = None,
    engine: Engine = None,
    *,
    plan: SavedPlan = None,
    url: Annotated[
        list[str] | None,
        typer.Option("--url", metavar="URL", help="What must answer afterwards. Default: the platform's interface."),
    ] = None,
) -> None:
    """Bring the platform up, see that it answers, and go back to the release before where it does not."""
    context = Context.of(stack, engine)
    before = _replicas(context.plan)
    try:
        of_stack.up(stack, engine, plan=plan)
        said = context.runner.outputs()
        check_answers(url or [str(said["api"])], said.get("authority"))
    except Problem as failure:
        # Where nothing was rolled out, the release before the one that runs is not what is wanted.
        if not isinstance(failure, RolloutFailed) and _replicas(context.plan) == before:
            raise
        for line in str(failure).splitlines():
            warn(line)
        releases.rollback(stack, engine)
        raise Problem(f"stack {context.stack} serves the release of before; this one failed, as said above") from None


def _replicas(plan: Plan) -> set[str]:
    return {str(container["Id"]) for container in containers(plan.label, f"{SERVICE_LABEL}=app")}


def _variable(name: str) -> str:
    if not (value := os.environ.get(name)):
        raise Problem(f"{name} is not set: a workflow has it, docs/pull-requests.md shows which")
    return value
