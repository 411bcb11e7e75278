"""Commands that look at releases and go back to one."""

from typing import Annotated

import typer

from ..console import echo, info
from ..context import Context
from ..engine.start import ensure_engine
from ..pulumi.stack import PulumiStack
from ..rollout.releases import listed
from ..rollout.releases import rollback as go_back
from ..runner import RunnerKind
from .options import Engine, Stack


def releases(stack: Stack = None, engine: Engine = None) -> None:
    """List the last good releases and whether the database allows to go back to them. Needs Pulumi."""
    for line in listed(_stack(stack, engine)):
        echo(line)


def rollback(
    stack: Stack = None,
    engine: Engine = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Go back though the database is said not to allow it.")
    ] = False,
) -> None:
    """Go back: to what serves if the last rollout broke, else to the release before this one. Needs Pulumi."""
    release = go_back(_stack(stack, engine), force=force)
    info(f"{release.version} serves; fix the cause before the next `make up`: that one goes by settings and code again")


def _stack(stack: str | None, engine: RunnerKind | None) -> PulumiStack:
    context = Context.of(stack, engine)
    pulumi = context.pulumi("which keeps no releases: check out the last good commit, `make up`")
    ensure_engine()
    return pulumi.stack
