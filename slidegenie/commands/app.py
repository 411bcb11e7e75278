"""The commands that look into the application's containers."""

import os
import subprocess
from collections.abc import Callable

from ..console import Problem
from ..context import Request, planned
from ..engine.docker import containers, plugin, service
from ..plan import Plan
from ..plan.view import compose_name


def logs(request: Request) -> None:
    """Follow the application's logs."""
    plan = planned(request)
    # Compose ends well where nothing of the stack is, and shows nothing.
    app = _app(plan)
    follow = ("logs", "--follow", "--tail", "100")
    if plugin("compose"):
        _hand_over("docker", "compose", "-p", compose_name(plan), *follow, "app")
    else:
        _hand_over("docker", *follow, app)


def shell(request: Request) -> None:
    """Open a shell in the application's container."""
    _in_app(request, "sh", "-c", "command -v bash >/dev/null && exec bash || exec sh")


def pytest(request: Request) -> None:
    """Run the application's tests in its container; the development and testing images have them."""
    _in_app(request, "python", "-m", "pytest", "-p", "no:cacheprovider")


def _app(plan: Plan) -> str:
    for container in containers(plan.label):
        if service(container) == "app":
            return str(container["Id"])
    raise Problem(f"no container of the application runs in stack {plan.stack}: `make up` starts it")


def _in_app(request: Request, *command: str) -> None:
    interactive = ["-it"] if os.isatty(0) and os.isatty(1) else []
    _hand_over("docker", "exec", *interactive, _app(planned(request)), *command)


def _hand_over(*command: str) -> None:
    """Run another program in this one's place as far as a person can tell, and fail as it does."""
    try:
        done = subprocess.run(command, check=False)  # noqa: S603 - no shell
    except KeyboardInterrupt:
        # How one leaves logs and shells: nothing was cut short.
        return
    if done.returncode not in (0, 130):
        raise Problem(f"`{' '.join(command)}` ended with exit code {done.returncode}")


COMMANDS: dict[str, Callable[[Request], None]] = {
    command.__name__.removeprefix("list_"): command for command in (logs, shell, pytest)
}
"""These commands by their names."""
