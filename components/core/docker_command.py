"""Docker's command line on one engine, for what Pulumi's provider cannot do."""

import subprocess

import pulumi

from .engine import DockerEngine


class EngineError(pulumi.RunError):
    """The engine cannot be asked; Pulumi prints what is wrong, and nothing of the program."""


def docker(engine: DockerEngine, *args: str) -> "subprocess.CompletedProcess[str]":
    """Run `docker ARGS` on `engine`; whether it succeeded is for the caller to see.

    Raises:
        EngineError: when there is no such program here.
    """
    environment = engine.environment()
    try:
        return subprocess.run(["docker", *args], env=environment, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        raise EngineError(
            "Docker's command line is not installed here, and the program asks the engine by it, in a preview too:"
            " install docker-ce-cli, or docker.io on Debian (no engine is needed here where docker:host names one)"
        ) from None
