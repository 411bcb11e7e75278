"""Commands that back up and restore."""

from typing import Annotated

import typer

from .. import backups as driver
from ..context import Context
from .options import Confirm, Engine, Stack, refuse_unconfirmed


def backup(stack: Stack = None, engine: Engine = None) -> None:
    """Back everything up now."""
    driver.back_up(Context.of(stack, engine).plan)


def backups(stack: Stack = None, engine: Engine = None) -> None:
    """List the backups."""
    driver.show(Context.of(stack, engine).plan)


def restore(
    stack: Stack = None,
    engine: Engine = None,
    confirm: Confirm = None,
    *,
    snapshot: Annotated[
        str, typer.Option("--snapshot", metavar="ID", help="Which one; `backups` lists them.")
    ] = "latest",
    only: Annotated[driver.Part | None, typer.Option("--only", help="A part of it. Default: everything.")] = None,
    migrate: Annotated[
        bool,
        typer.Option(
            help="Run the migrations of the release that runs; without, the schema stays as it was, for a rollback."
        ),
    ] = True,
) -> None:
    """Restore a backup: all of it or nothing. Asks first."""
    context = Context.of(stack, engine)
    question = driver.what_is_replaced(context.plan, snapshot, only)
    refuse_unconfirmed(confirm, context.stack, question, command="restore", nothing="nothing was restored")
    driver.restore(context.plan, snapshot, only=only, migrates=migrate)


def drill(stack: Stack = None, engine: Engine = None) -> None:
    """Restore the newest backup on trial, where it disturbs nobody."""
    driver.drill(Context.of(stack, engine).plan)
