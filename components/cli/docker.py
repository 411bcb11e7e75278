"""The few things the commands ask of the Docker command line."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from ..identity import ROLE_LABEL, SERVICE_LABEL, STACK_LABEL
from .console import Problem, say

_INSTALL = "apt-get install --yes docker.io"
_NOT_INSTALLED = f"Docker is not installed: on Debian or Ubuntu run `sudo {_INSTALL}`, else see docs.docker.com/engine"
_START_SECONDS = 30
"""What an engine may take from its start to its first answer."""


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
        raise Problem(_NOT_INSTALLED) from None
    if check and done.returncode != 0:
        raise Problem(f"docker {args[0]}: {last_line(done.stderr)}")
    return done


def image_id(name: str) -> str:
    """Return the ID of what the engine has under a name; empty when it has nothing."""
    return docker("image", "inspect", "--format", "{{.Id}}", name, check=False).stdout.strip()


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")


def ensure_engine() -> None:
    """Make sure that a Docker engine answers; as root, install the distribution's and start it where need be.

    Raises:
        Problem: with the one command that fixes it.
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
    if os.geteuid() == 0 and not os.environ.get("DOCKER_HOST"):
        if shutil.which("dockerd") is None:
            _install()
        if _started():
            return
    raise Problem(
        "Docker is not running: start it with `sudo systemctl start docker`"
        " (Docker Desktop: start the application), and repeat"
    )


def _install() -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Problem(_NOT_INSTALLED)
    say(f"Docker is not installed: installing it from the distribution ({_INSTALL})")
    for step in (["apt-get", "update"], _INSTALL.split()):
        done = _quietly(step)
        if done.returncode != 0:
            raise Problem(f"`{' '.join(step)}` failed: {last_line(done.stderr)}")


def _started() -> bool:
    """Start the engine by this machine's init system, and tell whether it answers in time."""
    for start in (["systemctl", "start", "docker"], ["service", "docker", "start"]):
        if shutil.which(start[0]) and _quietly(start).returncode == 0:
            say(f"started Docker ({' '.join(start)})")
            break
    else:
        return False
    # Not every init system waits until the engine listens.
    deadline = time.monotonic() + _START_SECONDS
    while docker("version", check=False).returncode != 0:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def _quietly(step: Sequence[str]) -> subprocess.CompletedProcess[str]:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(step, env=quiet, capture_output=True, text=True, check=False)  # noqa: S603 - no shell


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
    return str(container["Config"]["Labels"].get(SERVICE_LABEL, container["Name"].lstrip("/")))
