"""What is on the engine: of somebody else, before anything is changed, and of a stack that was taken down."""

from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.containers.existing_data import WAYS_OUT, Place, UnseenError
from components.core.engine import DockerEngine
from components.core.labels import BACKUP_PASSWORD, BACKUPS_DATA, DATA_LABEL, STACK_LABEL

from ..console import Problem, info
from ..plan import Plan
from ..plan.view import BUILT, PASSWORD, VOLUME, labels_of
from .docker import containers, docker, role

_OPENED_BY = {"postgres": "-postgres-administrator", BACKUPS_DATA: BACKUP_PASSWORD}
"""Ends of the names of passwords without which data is lost, by what the data is. Redis, the object store and the
monitoring take new ones."""
_WHAT = {"postgres": "a database", BACKUPS_DATA: "backups"}


def refuse_another_owner(label: str, known: Container[str]) -> None:
    """Refuse to touch a stack that runs on this engine and was brought up from somewhere else.

    Its data volumes have fixed names: a second database on the same files would destroy them.

    Raises:
        Problem: when servers of the stack run, and none of them is among the `known` ones.
    """
    running = [container for container in containers(label) if role(container) == "server"]
    if running and not any(container["Id"] in known for container in running):
        raise Problem(
            f"stack {label} runs on this engine ({len(running)} containers), but was brought up by another user, from"
            " another machine, or with the other of Pulumi and Compose: nothing was changed. Use what brought it up"
            " (SLIDEGENIE_HOME, PULUMI_BACKEND_URL, ENGINE), or stop it first; its data stays:"
            f" docker rm --force $(docker ps --all --quiet --filter label={STACK_LABEL}={label})"
        )


def refuse_foreign_data(plan: Plan, opens: Callable[[str, str], bool]) -> None:
    """Refuse to bring up a stack on data whose passwords it does not know: it would make others, and half come up.

    `opens` tells of a volume and the name of a password whether the stack has what opens the data in it.

    Raises:
        Problem: naming the data, and the ways out. Nothing was changed.
    """
    engine = DockerEngine.of()
    try:
        # In whatever order the program registered them.
        found = sorted(
            f"{_WHAT[role]} in {place.name}"
            for role, place, password in _locked(plan)
            if not opens(place.name, password) and _may_exist(place, engine) and place.holds_data(engine, _shell(plan))
        )
    except UnseenError as error:
        raise Problem(
            f"{error}; nothing was changed: whether data is there must be known before passwords are made"
        ) from None
    if found:
        raise Problem(
            f"stack {plan.stack} would make new passwords for data that is there already ({', '.join(found)}, on"
            f" {engine.host}); nothing was changed: {WAYS_OUT}"
        )


def _locked(plan: Plan) -> Iterator[tuple[str, Place, str]]:
    """Yield what it holds, where it is, and which password opens it, of all data that a generated password opens."""
    passwords = [resource.name for resource in plan.of_type(PASSWORD)]
    for volume in plan.of_type(VOLUME):
        data = labels_of(volume).get(DATA_LABEL, "")
        for password in passwords:
            # A password that is given opens what it is given for.
            if data in _OPENED_BY and password.endswith(_OPENED_BY[data]):
                # The folder that the volume will stand for, or the volume itself.
                yield data, Place(_device(volume.inputs) or str(volume.inputs["name"])), password


def _may_exist(place: Place, engine: DockerEngine) -> bool:
    """Tell whether a look is worth a container."""
    return not (place.folder and engine.local) or Path(place.name).is_dir()


def _shell(plan: Plan) -> str:
    """Return an image with a shell that is on the engine: what the seed image stands on."""
    seed = next(build for build in plan.of_type(BUILT) if build.name.endswith("-seed"))
    return str(seed.inputs["buildArgs"]["BASE_IMAGE"])


_LISTED: Mapping[str, tuple[str, ...]] = {
    "container": ("ps", "--all", "--format", "{{.Names}}"),
    "network": ("network", "ls", "--format", "{{.Name}}"),
    "volume": ("volume", "ls", "--format", "{{.Name}}"),
}


def backup_volumes(label: str) -> list[str]:
    """Return the names of the volumes with backups of the stack `project/stack`."""
    marks = (f"label={STACK_LABEL}={label}", f"label={DATA_LABEL}={BACKUPS_DATA}")
    return docker(*_LISTED["volume"], *(part for mark in marks for part in ("--filter", mark))).stdout.split()


def remains(label: str, *kinds: str, backups: bool = False) -> list[str]:
    """Return what the engine still has of the stack `project/stack`: containers, networks, volumes.

    The volumes of backups count with `backups` only.
    """
    mark = f"label={STACK_LABEL}={label}"
    found = []
    for kind in kinds:
        names = set(docker(*_LISTED[kind], "--filter", mark).stdout.split())
        if kind == "volume" and not backups:
            names -= set(backup_volumes(label))
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
