"""Docker's command line on one engine, for what Pulumi's provider cannot do."""

import subprocess

from .engine import DockerEngine


def docker(engine: DockerEngine, *args: str) -> "subprocess.CompletedProcess[str]":
    """Run `docker ARGS` on `engine`; whether it succeeded is for the caller to see."""
    environment = engine.environment()
    return subprocess.run(["docker", *args], env=environment, capture_output=True, text=True, check=False)  # noqa: S603, S607
