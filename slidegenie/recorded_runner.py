"""What runs a stack, Pulumi or Docker Compose: what is on record and what the engine shows, against what is asked."""

import json

from components.core.labels import BACKUPS_DATA, DATA_LABEL, STACK_LABEL

from .console import Problem
from .engine.docker import docker
from .runner import RunnerKind
from .user_folder import UserFolder

_OF_COMPOSE = "com.docker.compose.volume"
"""Label of Compose on the volumes that it makes itself."""


def recorded_runner(user: UserFolder, stack: str, label: str, asked: RunnerKind | None) -> RunnerKind | None:
    """Return what runs `stack`, or ran it and left its data; `None` where nobody knows of one.

    `label` is its name on the engine, `project/stack`; `asked` is what a person says.

    Raises:
        Problem: when a person says the other one: it has neither the passwords nor a list of what there is.
    """
    known = user.runner(stack) or _kept_by(user, stack) or runner_of_volumes(label)
    if known and asked not in (None, known):
        raise Problem(
            f"stack {stack} was brought up with {known.full_name}, so ENGINE={asked} knows neither its passwords nor"
            " what there is of it; nothing was changed. Leave ENGINE away; to change over, back it up, `make destroy`,"
            f" `make up ENGINE={asked}`, `make restore`"
        )
    return known


def _kept_by(user: UserFolder, stack: str) -> RunnerKind | None:
    """Return whose passwords this folder has, though the stack itself is gone: those of its backups."""
    return RunnerKind.COMPOSE if (user.stacks / "compose" / stack / "secrets" / "vault.json").is_file() else None


def runner_of_volumes(label: str) -> RunnerKind | None:
    """Return what made the data volumes of the stack on this engine; `None` when there are none, or no engine."""
    mark = f"label={STACK_LABEL}={label}"
    try:
        listed = docker("volume", "ls", "--quiet", "--filter", mark, "--filter", f"label={DATA_LABEL}", check=False)
        names = listed.stdout.split()
        volumes = json.loads(docker("volume", "inspect", *names, check=False).stdout or "[]") if names else []
    except Problem:
        return None
    # The volume of backups is made by hand under Compose, and outlives the rest under both.
    labels = [volume["Labels"] for volume in volumes if volume["Labels"].get(DATA_LABEL) != BACKUPS_DATA]
    if not labels:
        return None
    return RunnerKind.COMPOSE if any(_OF_COMPOSE in marks for marks in labels) else RunnerKind.PULUMI
