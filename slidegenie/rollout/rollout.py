"""A rollout by Pulumi: what it may remove, what somebody took away by hand or pulled, and why it failed."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from components.core.labels import CONTENT_LABEL, STACK_LABEL

from ..console import Problem, echo, info, warn
from ..engine.docker import docker, image_id, last_line
from ..engine.ownership import refuse_another_owner
from ..maintenance.records import ImageRecord
from ..plan import Plan
from ..plan.view import BACKUPS, VOLUME, base_images
from ..pulumi.stack import PulumiStack, UpdateFailed
from ..pulumi.state import StackState, removed_by_hand


class RolloutFailed(Problem):
    """A rollout that had begun did not succeed; what served before serves on."""


def roll_out(
    stack: PulumiStack,
    anew: Sequence[str] = (),
    *,
    plan: Path | None = None,
    on_start: Callable[[], None] = lambda: None,
) -> int:
    """Bring the stack up, and make again what somebody removed by hand; return the number of changes.

    `anew` has the URNs of what is made anew though nothing about it changed. With a `plan` that a preview saved,
    nothing is done that is not in it. `on_start` is called once nothing refuses the rollout any more, and before
    anything is changed.

    Raises:
        RolloutFailed: when it failed, with the reason; the old release serves on.
        Problem: when it did not begin.
    """
    # What a running update has just made looks like what somebody else made.
    stack.refuse_while_locked()
    before = stack.state()
    refuse_another_owner(stack.label, before.container_ids())
    on_start()
    removed = removed_by_hand(before)
    # In an empty volume is neither login nor table: jobs make them.
    jobs = before.jobs() if before.of_volumes(removed) else []
    for urn in removed:
        info(f"{urn.rpartition('::')[2]} was removed by hand: it is made again")
    try:
        if removed:
            stack.refresh(removed)
        return stack.up([*anew, *jobs, *_images_that_went(before)], plan)
    except UpdateFailed as error:
        lines = ["the rollout failed:", *(f"  {line}" for cause in error.causes for line in cause.splitlines()[:30])]
        raise RolloutFailed("\n".join(lines)) from None


def sweep(state: StackState, label: str) -> None:
    """Remove the stack's containers, networks and file volumes that its state does not know.

    A rollout that was killed left them.
    """
    mark = f"label={STACK_LABEL}={label}"
    known = state.container_ids()
    present = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", mark).stdout.split()
    for container in [item for item in present if item not in known]:
        info(f"removing container {container[:12]}, left over from a rollout that was killed")
        docker("stop", "--time", "35", container, check=False)
        done = docker("rm", "--force", container, check=False)
        if done.returncode != 0:
            warn(f"container {container[:12]} stays: {last_line(done.stderr)}")
    networks = docker("network", "ls", "--quiet", "--no-trunc", "--filter", mark).stdout.split()
    for network in [item for item in networks if item not in state.network_ids()]:
        # One that somebody uses stays: the engine does not remove it.
        docker("network", "rm", network, check=False)
    content = ["--filter", mark, "--filter", f"label={CONTENT_LABEL}", "--filter", "dangling=true"]
    volumes = docker("volume", "ls", "--quiet", *content).stdout.split()
    for volume in [item for item in volumes if item not in state.volume_names()]:
        docker("volume", "rm", volume, check=False)


def _images_that_went(state: StackState) -> list[str]:
    """Return the URNs of built images that somebody removed from the engine: to Pulumi nothing has changed."""
    return [
        urn
        for tag, urn in state.built_images().items()
        if docker("image", "inspect", "--format", "{{.Id}}", tag, check=False).returncode != 0
    ]


def show_changes(changes: int) -> None:
    """Say how much an update changed."""
    echo(f"    {changes} changes" if changes else "    no changes")


def moved_images(state: StackState, record: ImageRecord) -> dict[str, str]:
    """Return these names, by the URN of what takes the newer image when it is made anew: a pulled one, or a build."""
    # Most builds stand on the same few images, and each question is one to the engine.
    now = functools.cache(image_id)
    moved = {urn: name for urn, (name, taken) in state.pulled_images().items() if now(name) not in ("", taken)}
    for urn, build in state.builds().items():
        noted = record.bases(urn.rpartition("::")[2])
        if newer := [
            base for base in base_images(build.get("buildArgs")) if base in noted and noted[base] != now(base)
        ]:
            moved[urn] = ", ".join(newer)
    return moved


_RANDOM = "random:index/"


def unprotect_replaced(stack: PulumiStack, plan: Plan, *, remove: bool) -> None:
    """Unprotect what the settings have replaced, before anything is changed.

    A secret that is given now takes a generated one's place, and backups that go to another place stay where they were.
    Volumes of data go with `remove` only, and so does the password of backups that are turned off.

    Raises:
        Problem: naming what would be lost, without `remove`.
    """
    state = stack.state()
    wanted = {(resource.type, resource.name) for resource in plan.resources}
    volumes = {volume.inputs.get("name") for volume in plan.of_type(VOLUME)}
    backs_up = any(resource.type == BACKUPS for resource in plan.resources)
    moved = {urn: name for urn, name in state.repositories().items() if name not in volumes and backs_up}
    gone = [urn for urn in state.protected() if _type_and_name(urn) not in wanted and urn not in moved]
    lost = [urn for urn in gone if not _replaced(urn, backs_up=backs_up)]
    if lost and not remove:
        names = ", ".join(sorted(_type_and_name(urn)[1] for urn in lost))
        raise Problem(
            f"the settings of stack {stack.name} no longer have what holds data or opens it: {names}. Nothing was"
            " changed. Put it back, or let it go for good with `make up LET_GO=yes` (docs/operations.md)"
        )
    for name in moved.values():
        info(f"backups go to another place from now on; those in volume {name} stay there")
    for urn in (*gone, *moved):
        stack.unprotect(urn)


def _type_and_name(urn: str) -> tuple[str, str]:
    kind, _, name = urn.rpartition("::")
    return kind.rpartition("::")[2].rpartition("$")[2], name


def _replaced(urn: str, *, backs_up: bool) -> bool:
    kind, name = _type_and_name(urn)
    opens_backups = name.endswith(("-backup-password", "-backup-deputy"))
    return kind.startswith(_RANDOM) and (backs_up or not opens_backups)
