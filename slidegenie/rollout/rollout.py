"""A rollout from start to end: what must be replaced, what is left over, and why it failed."""

from collections.abc import Callable, Sequence

from components.core.engine import DockerEngine
from components.core.labels import CONTENT_LABEL, STACK_LABEL

from ..console import Problem, echo, info, warn
from ..engine import failures
from ..engine.docker import containers, docker, health, inspect, last_line, service
from ..engine.ownership import refuse_another_owner
from ..pulumi.removed import removed_by_hand
from ..pulumi.stack import PulumiStack, UpdateFailed
from ..pulumi.state import StackState
from .grafana import give_grafana_its_password
from .old_logins import revoke_old_logins


def roll_out(stack: PulumiStack, anew: Sequence[str] = (), *, on_start: Callable[[], None] = lambda: None) -> int:
    """Bring the stack up and clear away what earlier, broken rollouts left; return the number of changes.

    `anew` has the URNs of what is made anew though nothing about it changed. `on_start` is called once nothing refuses
    the rollout any more, and before anything is changed.

    Raises:
        Problem: when it failed, with the reason; the old release serves on.
    """
    label = stack.label
    # What a running update has just made looks like what a killed one left.
    stack.refuse_while_locked()
    before = stack.state()
    refuse_another_owner(label, before.container_ids())
    on_start()
    # Before it begins, too: they may use files that this rollout removes.
    sweep(before, label)
    if again := before.failed_jobs():
        info("a job failed in the last rollout: it runs again")
    removed = removed_by_hand(before)
    jobs = [job for job in before.jobs() if job not in removed] if before.of_volumes(removed) else []
    for urn in removed:
        info(f"{urn.rpartition('::')[2]} was removed by hand: it is made again")
    try:
        if removed:
            stack.refresh(removed)
        # In an empty volume is neither login nor table: jobs make them.
        progress = stack.up([*anew, *again, *jobs, *_unhealthy_survivors(before), *_images_that_went(before)])
    except UpdateFailed as error:
        lines = ["the rollout failed:", *(f"  {line}" for cause in error.causes for line in cause.splitlines()[:20])]
        if serving := _report(label):
            lines.append(serving)
        raise Problem("\n".join(lines)) from None
    after = stack.state()
    refuse_unseen(after, label)
    sweep(after, label)
    revoke_old_logins(label)
    give_grafana_its_password(label)
    return progress.changes


def refuse_unseen(state: StackState, label: str) -> None:
    """Refuse to say anything of containers that are not here: Pulumi made them on another engine than this one.

    Raises:
        Problem: when this engine does not have what the state knows.
    """
    present = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={STACK_LABEL}={label}").stdout.split()
    # A program may have containers of its own beside these, on whatever engine it likes.
    known = state.of_stack(label)
    if missing := known.difference(present):
        raise Problem(
            f"{len(missing)} of {len(known)} containers that Pulumi has made are not on {DockerEngine.of().address}: it"
            " works on another engine. They run; what comes after a rollout was not done, and old logins are still"
            " valid. Let DOCKER_HOST or docker:host say one engine for all (docs/remote.md)"
        )


def refuse_to_refresh(state: StackState) -> None:
    """Refuse what would make Pulumi forget that a rollout failed.

    Raises:
        Problem: naming the ways out, when a rollout did not finish.
    """
    if state.pending_deletes():
        raise Problem(
            "the last rollout did not finish, and its old containers still serve: a refresh now would forget that, and"
            " the next update would delete them. Roll forward (fix the cause, `make up`), or go back"
            " (`make rollback`); after that a refresh is safe"
        )


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


def _unhealthy_survivors(state: StackState) -> list[str]:
    """Return current containers that are not healthy while their healthy predecessors wait to be deleted.

    After a failed rollout Pulumi replaces them by itself, unless somebody refreshed meanwhile: then it takes them for
    good and deletes the predecessors, which is all that still serves. Replacing them says what is meant either way.
    """
    unfinished = state.unfinished()
    suspects = {r["id"]: r["urn"] for r in state.current() if r["urn"] in unfinished and r.get("id")}
    actual = {container["Id"]: health(container) for container in inspect(list(suspects))}
    return sorted({urn for identity, urn in suspects.items() if actual.get(identity) != "healthy"})


def _images_that_went(state: StackState) -> list[str]:
    """Return the URNs of built images that somebody removed from the engine: to Pulumi nothing has changed."""
    return [
        urn
        for tag, urn in state.built_images().items()
        if docker("image", "inspect", "--format", "{{.Id}}", tag, check=False).returncode != 0
    ]


def _report(label: str) -> str | None:
    """Print why containers are not healthy; return a line about what still serves in their place."""
    failed = {service(container) for container in failures.report(label)}
    serving = [c for c in containers(label) if service(c) in failed and health(c) == "healthy"]
    if not serving:
        return None
    return (
        f"The old release serves on ({len(serving)} healthy containers). Fix the cause and run `make up`,"
        " or go back with `make rollback`: the next good rollout cleans up."
    )


def show_changes(changes: int) -> None:
    """Say how much an update changed."""
    echo(f"    {changes} changes" if changes else "    no changes")
