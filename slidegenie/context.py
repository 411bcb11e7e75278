"""What a command is asked to work on, and the stack it means."""

from dataclasses import dataclass
from pathlib import Path

from components.core.engine import DockerEngine

from .console import Problem
from .engine.docker import speak_to
from .plan import Plan, plan_stack
from .plan.program import project_name, stack_configuration
from .pulumi.command_line import find_pulumi
from .pulumi.stack import PulumiStack
from .runner import PULUMI, owner
from .user_folder import Home

ROOT = Path.cwd()
"""The checkout."""
DEFAULT = "dev"
"""The stack when none was named and none is up."""
NO_PULUMI = "this needs the Pulumi command line: https://www.pulumi.com/docs/install/ tells how to get it"


@dataclass(frozen=True)
class Request:
    """What a command was asked to work on."""

    stack: str | None
    """The stack, or `None` for the one last brought up."""
    engine: str
    """`auto`, `pulumi` or `compose`."""


def chosen(request: Request) -> tuple[str, str]:
    """Return stack and engine of a command: what was asked for, else what is up.

    Raises:
        UnknownStackError: when the stack has no settings file.
        SettingsError: when that, or the environment, names a Docker engine that is none.
        Problem: when the stack is run by the other of Pulumi and Compose.
    """
    home = Home.open()
    stack = request.stack or home.current() or DEFAULT
    # Whatever the command: with a name that is misspelt nothing begins, and all that follows speaks to one engine.
    speak_to(DockerEngine.of(stack_configuration(ROOT, stack), f"Pulumi.{stack}.yaml"))
    known = owner(home, stack, f"{project_name(ROOT)}/{stack}", request.engine)
    return stack, known or (request.engine if request.engine != "auto" else PULUMI)


def planned(request: Request) -> Plan:
    """Return the plan of the stack of a command."""
    return plan_stack(ROOT, chosen(request)[0])


def pulumi_stack(name: str) -> PulumiStack:
    """Return a stack of Pulumi's, open.

    Raises:
        Problem: when there is no Pulumi, or no such stack.
    """
    command = find_pulumi()
    if command is None:
        raise Problem(NO_PULUMI)
    stack = PulumiStack(ROOT, name, Home.open(), command)
    stack.open()
    return stack
