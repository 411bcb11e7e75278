"""The command that judges a stack by the container policy."""

from typing import Annotated

import typer

from ..context import Context
from ..policy.enforcement import judge_stack
from .options import Engine, Stack


def policy(
    stack: Stack = None,
    engine: Engine = None,
    *,
    live: Annotated[bool, typer.Option("--live", help="Judge what runs, in place of the plan.")] = False,
) -> None:
    """Judge the stack by the container policy. Changes nothing."""
    context = Context.of(stack, engine)
    judge_stack(context.program, context.plan, live=live)
