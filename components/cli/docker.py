"""The few things the commands ask of the Docker command line."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from ..identity import ROLE_LABEL, STACK_LABEL
from .console import Problem, say


def docker(*args: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `docker ARGS` and return what it printed.

    Raises:
        Problem: when it fails and `check` is set, with the last line Docker printed.
    """
    done = subprocess.run(  # noqa: S603 - no shell
        ["docker", *args],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        # Ctrl-C is for this program, which decides what becomes of the step.
        start_new_session=True,
        **options,
    )
    if check and done.returncode != 0:
        raise Problem(f"docker {args[0]}: {last_line(done.stderr)}")
    return done


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")


def ensure_engine() -> None:
    """Make sure that a Docker engine answers; install the distribution's where that is possible.

    Raises:
        Problem: with the one command that mends it.
    """
    if shutil.which("docker") is None:
        _install()
    answer = docker("version", "--format", "{{.Server.Version}}", check=False)
    if answer.returncode == 0:
        return
    if "permission denied" in answer.stderr.lower():
        raise Problem(
            "no permission on the Docker socket: run `sudo usermod -aG docker $USER`, log in again, and repeat"
        )
    if os.geteuid() == 0 and shutil.which("dockerd") is None and not os.environ.get("DOCKER_HOST"):
        _install()
        answer = docker("version", check=False)
        if answer.returncode == 0:
            return
    raise Problem(
        "Docker is not running: start it with `sudo systemctl start docker`"
        " (Docker Desktop: start the application), and repeat"
    )


def _install() -> None:
    command = "apt-get install --yes docker.io"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Problem(
            f"Docker is not installed: on Debian or Ubuntu run `sudo {command}`, else see docs.docker.com/engine"
        )
    say(f"Docker is not installed: installing it from the distribution ({command})")
    quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "capture_output": True, "text": True}
    for step in (["apt-get", "update"], command.split()):
        done = subprocess.run(step, check=False, **quiet)  # type: ignore[call-overload]  # noqa: S603
        if done.returncode != 0:
            raise Problem(f"`{' '.join(step)}` failed: {last_line(done.stderr)}")
    for start in (["systemctl", "start", "docker"], ["service", "docker", "start"]):
        if shutil.which(start[0]) and subprocess.run(start, check=False, **quiet).returncode == 0:  # type: ignore[call-overload]  # noqa: S603
            return


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
    state = container["State"]
    return (
        str((state.get("Health") or {}).get("Status") or state["Status"]) if state["Running"] else str(state["Status"])
    )


def role(container: dict[str, Any]) -> str:
    """Return the role the platform gave the container: `server`, `job` or `seed`."""
    return str(container["Config"]["Labels"].get(ROLE_LABEL, ""))


def service(container: dict[str, Any]) -> str:
    """Return the name of the container's service."""
    return str(container["Config"]["Labels"].get("com.docker.compose.service", container["Name"].lstrip("/")))
