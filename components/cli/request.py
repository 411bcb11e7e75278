"""What a command is asked to work on, and the stack it means."""

from dataclasses import dataclass
from pathlib import Path

from ..plan import Plan, plan_stack
from ..plan.program import stack_configuration
from .console import Problem
from .home import Home
from .pulumi_cli import find_pulumi
from .stack import PulumiStack

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
    """
    home = Home.open()
    stack = request.stack or home.current() or DEFAULT
    # Whatever the command: with a name that is misspelt nothing begins.
    stack_configuration(ROOT, stack)
    return stack, request.engine if request.engine != "auto" else home.engine(stack) or "pulumi"


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
