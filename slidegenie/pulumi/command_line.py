"""Find Pulumi's command line and its provider plugins, or install the official ones."""

import contextlib
import importlib.metadata
import json
import os
import shutil
import subprocess
from pathlib import Path

from pulumi import automation as auto

from ..console import info
from ..engine.docker import last_line

_PROVIDERS = {"docker": "pulumi-docker", "docker-build": "pulumi-docker-build", "random": "pulumi-random"}
_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_DISABLE_TELEMETRY": "true"}
_PATIENCE_SECONDS = 120


def find_pulumi() -> auto.PulumiCommand | None:
    """Return a Pulumi command line whose plugins are there, installing what is missing; `None` when that cannot be."""
    os.environ.update(_QUIET)
    command = _command() or _install()
    return command if command is not None and _plugins(command) else None


def _command() -> auto.PulumiCommand | None:
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    for root in (None, home):
        found = shutil.which("pulumi", path=str(root / "bin") if root else None)
        if found:
            with contextlib.suppress(Exception):  # too old, or not Pulumi at all
                return auto.PulumiCommand(root=str(root) if root else None)
    return None


def _install() -> auto.PulumiCommand | None:
    info("the Pulumi command line is not installed: getting the official one")
    try:
        return auto.PulumiCommand.install()
    except Exception as error:  # noqa: BLE001 - whatever the installer met, the answer is the same
        info(f"it cannot be had here ({last_line(str(error))[:120]})")
        return None


def _plugins(command: auto.PulumiCommand) -> bool:
    binary = str(command.command)
    listed = subprocess.run([binary, "plugin", "ls", "--json"], capture_output=True, text=True, check=False)  # noqa: S603
    there = installed_plugins(listed.stdout)
    for plugin, package in _PROVIDERS.items():
        version = importlib.metadata.version(package)
        if (plugin, version) in there:
            continue
        info(f"installing Pulumi's {plugin} provider {version}")
        try:
            done = subprocess.run(  # noqa: S603
                [binary, "plugin", "install", "resource", plugin, version],
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE_SECONDS,
            )
        except subprocess.TimeoutExpired:
            info("it cannot be had here (no answer)")
            return False
        if done.returncode != 0:
            info(f"it cannot be had here ({last_line(done.stderr)[:120]})")
            return False
    return True


def installed_plugins(listed: str) -> set[tuple[str, str]]:
    """Return name and version of each resource plugin in what `pulumi plugin ls --json` printed."""
    try:
        plugins = json.loads(listed or "[]")
    except ValueError:
        return set()
    return {(str(p["name"]), str(p.get("version", ""))) for p in plugins if p.get("kind") == "resource"}
