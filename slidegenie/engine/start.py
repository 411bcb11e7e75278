"""Get a Docker engine to answer: installed where it is missing, started where it is stopped."""

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from components.core.engine import DockerEngine

from ..console import Problem, info
from ..user_folder import UserFolder, write_private
from .docker import NOT_INSTALLED, docker, last_line

_PACKAGES = ("docker.io", "iptables")
"""Of the distribution: the engine, and what it makes its networks with."""
_START_SECONDS = 60
"""What an engine may take from its start to its first answer."""
_SYSTEMD = Path("/run/systemd/system")
"""Is there where systemd runs, and not only is installed."""
_DAEMON_PID = Path("/var/run/docker.pid")
"""Where an engine notes its process; one that was killed leaves it behind, and the next one refuses to start."""
_WITHOUT = "without an engine, `make plan` and `make check` work"


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
    engine = DockerEngine.of()
    if engine.local and "permission denied" in answer.stderr.lower():
        raise Problem(
            "no permission on the Docker socket: run `sudo usermod -aG docker $USER`, log in again, and repeat"
        )
    if engine.said_by:
        raise Problem(
            f"the Docker engine at {engine.address} ({engine.said_by}) does not answer: {last_line(answer.stderr)};"
            f" {_WITHOUT}"
        )
    if os.geteuid() != 0:
        raise Problem(f"Docker is not running: {_how_to_start()}, and repeat; {_WITHOUT}")
    home = UserFolder.open()
    # None answers, so what is noted has ended, and its number may be another program's by now.
    (home.path / "dockerd.pid").unlink(missing_ok=True)
    if shutil.which("dockerd") is None:
        _install()
    if not _started_by_init():
        _start_daemon(home)


def _how_to_start() -> str:
    if _SYSTEMD.is_dir():
        return "start it with `sudo systemctl start docker` (Docker Desktop: start the application)"
    return "this machine has no systemd: start it with `sudo service docker start`, or `sudo dockerd`"


def _install() -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Problem(NOT_INSTALLED)
    install = ("apt-get", "install", "--yes", "--no-install-recommends", *_PACKAGES)
    info(f"Docker is not installed: installing it from the distribution ({' '.join(install)})")
    for step in (("apt-get", "update"), install):
        done = _quietly(step)
        if done.returncode != 0:
            raise Problem(f"`{' '.join(step)}` failed: {last_line(done.stderr)}")
    if shutil.which("dockerd") is None:
        raise Problem(f"`{' '.join(install)}` brought no Docker engine: see docs.docker.com/engine; {_WITHOUT}")
    if shutil.which("docker") is None:
        # Newer distributions have the client in a package of its own.
        _quietly(("apt-get", "install", "--yes", "--no-install-recommends", "docker-cli"))


def _started_by_init() -> bool:
    """Start the engine by this machine's init system, and tell whether it answers."""
    ways = [("systemctl", "start", "docker")] if _SYSTEMD.is_dir() else [("service", "docker", "start")]
    for way in ways:
        if shutil.which(way[0]) and _quietly(way).returncode == 0 and _answers(None):
            info(f"started Docker ({' '.join(way)})")
            return True
    return False


def _start_daemon(home: UserFolder) -> None:
    """Start the engine itself, detached from this command and its terminal.

    Raises:
        Problem: with the last line of its log, when it does not answer.
    """
    log = home.path / "dockerd.log"
    if _DAEMON_PID.exists() and not _is_daemon(_DAEMON_PID):
        _DAEMON_PID.unlink()
    with log.open("ab") as output:
        before = output.tell()
        daemon = subprocess.Popen(
            ["dockerd"],  # noqa: S607
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    if not _answers(daemon):
        daemon.terminate()
        said = last_line(log.read_bytes()[before:].decode(errors="replace"))
        raise Problem(f"Docker does not start on this machine: {said} (all of it: {log}); {_WITHOUT}")
    write_private(home.path / "dockerd.pid", f"{daemon.pid}\n", mode=0o600)
    info(f"started Docker (dockerd, as this machine has no init system); its log: {log}; `kill {daemon.pid}` stops it")


def _is_daemon(pid_file: Path) -> bool:
    try:
        pid = pid_file.read_text(encoding="ascii").strip()
        return Path("/proc", pid, "comm").read_text(encoding="utf-8").strip() == "dockerd" and runs(int(pid))
    except (OSError, ValueError):
        return False


def _answers(daemon: "subprocess.Popen[bytes] | None") -> bool:
    """Wait until the engine answers, its time is up, or `daemon` has ended."""
    deadline = time.monotonic() + _START_SECONDS
    while docker("version", check=False).returncode != 0:
        if time.monotonic() > deadline or (daemon is not None and daemon.poll() is not None):
            return False
        time.sleep(0.5)
    return True


def _quietly(step: Sequence[str]) -> subprocess.CompletedProcess[str]:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(step, env=quiet, capture_output=True, text=True, check=False)  # noqa: S603 - no shell


_ENDED = re.compile(r"^State:\s+[ZX]", re.MULTILINE)


def runs(process: int) -> bool:
    """Tell whether a process with this number runs.

    One that was killed has a number until its parent has asked how it ended; where the first process of a container
    never asks, that is for ever.
    """
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A system without /proc has a first process that asks.
    with contextlib.suppress(OSError):
        return not _ENDED.search(Path("/proc", str(process), "status").read_text(encoding="utf-8"))
    return True
