"""A rollout by Pulumi: what somebody took away by hand, what is left over, and why it failed."""

from collections.abc import Callable, Sequence

from components.core.labels import CONTENT_LABEL, STACK_LABEL

from ..console import Problem, echo, info, warn
from ..engine.docker import docker, last_line
from ..engine.ownership import refuse_another_owner
from ..pulumi.removed import removed_by_hand
from ..pulumi.stack import PulumiStack, UpdateFailed
from ..pulumi.state import StackState


def roll_out(stack: PulumiStack, anew: Sequence[str] = (), *, on_start: Callable[[], None] = lambda: None) -> int:
    """Bring the stack up, and make again what somebody removed by hand; return the number of changes.

    `anew` has the URNs of what is made anew though nothing about it changed. `on_start` is called once nothing refuses
    the rollout any more, and before anything is changed.

    Raises:
        Problem: when it failed, with the reason; the old release serves on.
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
        progress = stack.up([*anew, *jobs, *_images_that_went(before)])
    except UpdateFailed as error:
        lines = ["the rollout failed:", *(f"  {line}" for cause in error.causes for line in cause.splitlines()[:30])]
        raise Problem("\n".join(lines)) from None
    return progress.changes


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
    _sweep_networks(state, mark)
    content = ["--filter", mark, "--filter", f"label={CONTENT_LABEL}", "--filter", "dangling=true"]
    volumes = docker("volume", "ls", "--quiet", *content).stdout.split()
    for volume in [item for item in volumes if item not in state.volume_names()]:
        docker("volume", "rm", volume, check=False)


def _sweep_networks(state: StackState, mark: str) -> None:
    present = docker("network", "ls", "--quiet", "--no-trunc", "--filter", mark).stdout.split()
    for network in [item for item in present if item not in state.network_ids()]:
        # One that somebody uses stays: the engine does not remove it.
        docker("network", "rm", network, check=False)


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
