"""The options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

from ..console import Problem, confirmed
from ..runner import RunnerKind

Stack = Annotated[
    str | None,
    typer.Option(
        "--stack", metavar="NAME", help="The stack, as in Pulumi.NAME.yaml. Default: the one brought up last, else dev."
    ),
]
Engine = Annotated[
    RunnerKind | None,
    typer.Option(
        "--engine",
        help="What carries the plan out. Default: what brought the stack up, else Pulumi where it is or can be had.",
    ),
]
Confirm = Annotated[
    str | None, typer.Option("--confirm", metavar="NAME", help="The stack's name, in place of the question.")
]
SavedPlan = Annotated[
    Path | None,
    typer.Option("--plan", metavar="FILE", help="What `preview --save-plan` wrote: do that and no more. Needs Pulumi."),
]


def refuse_unconfirmed(confirm: str | None, stack: str, question: str, command: str, nothing: str) -> None:
    """Ask for the stack's name unless `confirm` is that.

    Raises:
        Problem: when it was not given; `nothing` says that nothing was done, `command` is what to run instead.
    """
    if confirm != stack and not confirmed(question, stack):
        raise Problem(f"{nothing}: type the stack's name when asked, or run `make {command} CONFIRM={stack}`")
