"""Commands that look into the application's containers."""

import os
import subprocess

from ..console import Problem
from ..context import Context
from ..engine.docker import containers, plugin, service
from ..plan import Plan
from ..plan.view import compose_name
from .options import Engine, Stack


def logs(stack: Stack = None, engine: Engine = None) -> None:
    """Follow the application's logs."""
    plan = Context.of(stack, engine).plan
    # Compose ends well where nothing of the stack is, and shows nothing.
    app = _app(plan)
    follow = ("logs", "--follow", "--tail", "100")
    if plugin("compose"):
        _hand_over("docker", "compose", "-p", compose_name(plan), *follow, "app")
    else:
        _hand_over("docker", *follow, app)


def shell(stack: Stack = None, engine: Engine = None) -> None:
    """Open a shell in the application's container."""
    _in_app(Context.of(stack, engine).plan, "sh", "-c", "command -v bash >/dev/null && exec bash || exec sh")


def pytest(stack: Stack = None, engine: Engine = None) -> None:
    """Run the application's tests in its container; the development and testing images have them."""
    _in_app(Context.of(stack, engine).plan, "python", "-m", "pytest", "-p", "no:cacheprovider")


def _app(plan: Plan) -> str:
    for container in containers(plan.label):
        if service(container) == "app":
            return str(container["Id"])
    raise Problem(f"no container of the application runs in stack {plan.stack}: `make up` starts it")


def _in_app(plan: Plan, *command: str) -> None:
    interactive = ["-it"] if os.isatty(0) and os.isatty(1) else []
    _hand_over("docker", "exec", *interactive, _app(plan), *command)


def _hand_over(*command: str) -> None:
    """Run another program in this one's place as far as a person can tell, and fail as it does."""
    try:
        done = subprocess.run(command, check=False)  # noqa: S603 - no shell
    except KeyboardInterrupt:
        # How one leaves logs and shells: nothing was cut short.
        return
    if done.returncode not in (0, 130):
        raise Problem(f"`{' '.join(command)}` ended with exit code {done.returncode}")
