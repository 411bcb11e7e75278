"""The options that commands share."""

from typing import Annotated

import typer

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
