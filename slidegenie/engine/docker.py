"""The few things the commands ask of the Docker command line."""

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

from components.containers.found import FoundContainer
from components.core.engine import DockerEngine
from components.core.labels import SERVICE_LABEL, STACK_LABEL

from ..console import Problem, warn

NOT_INSTALLED = (
    "Docker is not installed: on Debian or Ubuntu run `sudo apt-get install --yes docker.io`, else see"
    " docs.docker.com/engine"
)


def speak_to(engine: DockerEngine) -> None:
    """Have this command speak to `engine`, and every program that it starts: they all go by the environment.

    Client, plugins, Pulumi, its providers and our scripts: whichever of them were told by hand could be forgotten.
    """
    if engine.contradiction:
        warn(engine.contradiction)
    told = engine.environment()
    for name in os.environ.keys() - told.keys():
        del os.environ[name]
    os.environ.update(told)


def docker(*args: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `docker ARGS` and return what it printed.

    Raises:
        Problem: when there is no Docker; when it fails and `check` is set, with the last line Docker printed.
    """
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            ["docker", *args],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
            # Ctrl-C is for this program, which decides what becomes of the step.
            start_new_session=True,
            **options,
        )
    except FileNotFoundError:
        raise Problem(NOT_INSTALLED) from None
    if check and done.returncode != 0:
        raise Problem(f"docker {args[0]}: {last_line(done.stderr)}")
    return done


def image_id(name: str) -> str:
    """Return the ID of what the engine has under a name; empty when it has nothing."""
    return docker("image", "inspect", "--format", "{{.Id}}", name, check=False).stdout.strip()


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")


def plugin(name: str) -> bool:
    """Tell whether `docker NAME` works."""
    return docker(name, "version", check=False).returncode == 0


def containers(stack: str, *labels: str, everything: bool = False) -> list[dict[str, Any]]:
    """Return what `docker inspect` says of the stack's containers, running ones unless `everything`."""
    filters = [f"label={STACK_LABEL}={stack}", *(f"label={label}" for label in labels)]
    args = [part for item in filters for part in ("--filter", item)]
    ids = docker("ps", "--quiet", "--no-trunc", *(["--all"] if everything else []), *args).stdout.split()
    return inspect(ids)


def inspect(ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the engine knows of containers; one that went meanwhile is left out."""
    if not ids:
        return []
    found: list[dict[str, Any]] = json.loads(docker("inspect", "--type", "container", *ids, check=False).stdout or "[]")
    return found


def health(container: dict[str, Any]) -> str:
    """Return `healthy`, `unhealthy`, `starting`, or the container's status where it has no health check."""
    return FoundContainer(container).health


def role(container: dict[str, Any]) -> str:
    """Return the role the platform gave the container: `server`, `job` or `seed`."""
    return FoundContainer(container).role


def service(container: dict[str, Any]) -> str:
    """Return the name of the container's service."""
    return str(container["Config"]["Labels"].get(SERVICE_LABEL, container["Name"].lstrip("/")))
