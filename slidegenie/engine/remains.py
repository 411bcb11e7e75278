"""What the engine still has of a stack that was taken down: gone is what was seen to be gone."""

from collections.abc import Mapping
from typing import Any

from components.core.engine import DockerEngine
from components.core.labels import BACKUPS_DATA, DATA_LABEL, STACK_LABEL

from ..console import Problem, info
from ..plan import Plan
from ..plan.view import VOLUME
from .docker import docker

_LISTED: Mapping[str, tuple[str, ...]] = {
    "container": ("ps", "--all", "--format", "{{.Names}}"),
    "network": ("network", "ls", "--format", "{{.Name}}"),
    "volume": ("volume", "ls", "--format", "{{.Name}}"),
}


def remains(label: str, *kinds: str, backups: bool = False) -> list[str]:
    """Return what the engine still has of the stack `project/stack`: containers, networks, volumes.

    The volumes of backups count with `backups` only.
    """
    mark = f"label={STACK_LABEL}={label}"
    found = []
    for kind in kinds:
        names = set(docker(*_LISTED[kind], "--filter", mark).stdout.split())
        if kind == "volume" and not backups:
            kept = ("--filter", f"label={DATA_LABEL}={BACKUPS_DATA}")
            names -= set(docker(*_LISTED[kind], "--filter", mark, *kept).stdout.split())
        found += [f"{kind} {name}" for name in sorted(names)]
    return found


def refuse_remains(label: str, *kinds: str, backups: bool = False) -> None:
    """See that the stack is gone.

    Raises:
        Problem: naming what is there still.
    """
    if left := remains(label, *kinds, backups=backups):
        shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")  # noqa: PLR2004
        where = DockerEngine.of().address
        raise Problem(
            f"not all of stack {label} is gone from {where}: {shown}. Something else made it, or uses it:"
            " `docker inspect` says more; then the same command again"
        )


def show_folders(plan: Plan) -> None:
    """Say which folders with data stay: the engine removes a volume, and never a folder that it stands for."""
    devices = [_device(volume.inputs) for volume in plan.of_type(VOLUME)]
    if folders := sorted(filter(None, devices)):
        host = DockerEngine.of().host
        info(f"the data in folders of {host} stays: {' '.join(folders)}; `sudo rm -r` there deletes it")


def _device(inputs: Mapping[str, Any]) -> str:
    return str((inputs.get("driverOpts") or {}).get("device", ""))
