"""`slidegenie COMMAND`: what operators run; `make COMMAND` calls it."""

import sys
from collections.abc import Sequence

import typer

from components.images.supply_chain import SupplyChainError
from components.settings import SettingsError

from .commands import app, backups, changes, ci, images, maintenance, releases, secrets, stack
from .console import Problem, warn, without_complaint
from .plan import UnknownStackError

_GROUPS = {
    "Stack": (
        *(stack.up, stack.preview, stack.plan, changes.diff, stack.down, stack.destroy, stack.drift, stack.refresh),
        stack.engine,
    ),
    "Application": (app.logs, app.shell, app.pytest),
    "Releases": (releases.releases, releases.rollback),
    "Secrets": (secrets.password, secrets.rotate, secrets.authority, secrets.secrets),
    "Backups": (backups.backup, backups.backups, backups.restore, backups.drill),
    "Policy": (stack.policy,),
    "Maintenance": (
        *(maintenance.scan, maintenance.clean, maintenance.freshness),
        *(maintenance.schedule, maintenance.unschedule),
    ),
    "Images": (images.build_images, images.scan_images),
}
"""Every command, by what it is about."""


def _program() -> typer.Typer:
    program = typer.Typer(
        help="Bring the platform up, look at it, change it and take it away.",
        epilog="SLIDEGENIE_HOME: state and records, by default ~/.slidegenie. DOCKER_HOST: the Docker engine.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for group, commands in _GROUPS.items():
        for command in commands:
            program.command(command.__name__.replace("_", "-"), rich_help_panel=group)(command)
    program.add_typer(ci.commands, name="ci", rich_help_panel="Workflows")
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 1 for a problem, 2 for a wrong option."""
    command = typer.main.get_command(_program())
    try:
        # Not `command.main`: that ends on Ctrl-C without a word of what became of the work.
        with command.make_context("slidegenie", list(sys.argv[1:] if arguments is None else arguments)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as error:
        at = getattr(error, "ctx", None)
        where = at.command_path if at else "slidegenie"
        # Without a command, the help was shown already.
        if message := error.format_message().rstrip("."):
            warn(f"{message}; `{where} --help` lists what there is")
        return 2
    except (SettingsError, UnknownStackError, SupplyChainError, Problem) as error:
        for line in str(error).splitlines():
            warn(line)
        return 1
    except KeyboardInterrupt as interruption:
        outcome = str(interruption) or "nothing is lost: the same command goes on where this one stopped"
        warn(f"interrupted; {outcome}")
        return 130
    return 0


def run() -> None:
    """Run the command that was typed."""
    sys.exit(without_complaint(main))


if __name__ == "__main__":
    run()
