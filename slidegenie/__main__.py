"""`python -m slidegenie COMMAND [--stack NAME]`; `make help` lists the same commands."""

import argparse
import sys

from components.settings import SettingsError

from .closed_pipe import without_complaint
from .commands import app as app_commands
from .commands import backups as backup_commands
from .commands import maintenance as upkeep
from .commands import releases as release_commands
from .commands import secrets as secret_commands
from .commands import stack as commands
from .console import Problem, warn
from .context import Request
from .plan import UnknownStackError

_MODULES = (commands, release_commands, secret_commands, backup_commands, upkeep, app_commands)
COMMANDS = {name: command for module in _MODULES for name, command in module.COMMANDS.items()}
"""Every command by its name."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="slidegenie", description=__doc__)
    parser.add_argument("--stack", help="stack to work on (default: the one last brought up, else dev)")
    parser.add_argument(
        "--engine",
        choices=["auto", "pulumi", "compose"],
        default="auto",
        help="what carries the plan out (default: Pulumi where it is, else Docker Compose)",
    )
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        subparsers.add_parser(name, help=(command.__doc__ or "").split("\n")[0])
    options = parser.parse_args(arguments)
    try:
        COMMANDS[options.command](Request(options.stack, options.engine))
    except (SettingsError, UnknownStackError, Problem) as error:
        for line in str(error).splitlines():
            warn(line)
        return 1
    except KeyboardInterrupt as interruption:
        outcome = str(interruption) or "nothing is lost: the same command goes on where this one stopped"
        warn(f"interrupted; {outcome}")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(without_complaint(main))
