"""Carries out, on the engine, the steps by which the replicas of a service change places."""

import time
from collections.abc import Collection, Sequence
from typing import Any

from components.containers.found import FoundContainer, what_serves_on
from components.core.labels import SERVICE_LABEL

from ..console import Problem, info
from ..engine.docker import containers, docker, health, inspect
from ..engine.failures import tell
from ..plan.view import Service
from .command import ComposeCommand
from .replicas import Clear, Replica, Retire, Start, Step, Wait, Wanted, steps

_ONE_OFF_LABEL = "com.docker.compose.oneoff"


def replicas(label: str, service: str) -> list[Replica]:
    """Return the containers of a service of the stack, whatever state they are in."""
    return [Replica.of(container) for container in _all(label, service)]


def roll(label: str, compose: ComposeCommand, service: Service, wanted: Wanted) -> None:
    """Bring `service` of the stack to what is `wanted`: a new container is healthy before an old one goes.

    Raises:
        Problem: when a new one does not become healthy, with the reason. What served before serves on; what failed is
            stopped then, so that people can read its log, and goes with the next rollout.
    """
    planned = steps(wanted, replicas(label, service.name))
    old = {container for step in planned if isinstance(step, Retire) for container in step.containers}
    for step in planned:
        match step:
            case Start():
                before = {replica.id for replica in replicas(label, service.name)}
                # Not the old ones: what Compose finds changed it would stop first.
                how = ("--detach", "--no-deps", "--no-build", "--no-recreate")
                compose.run("up", *how, "--scale", f"{service.name}={step.total}", service.name)
                made = [replica.id for replica in replicas(label, service.name) if replica.id not in before]
                _see_healthy(label, service, made)
            case Wait():
                _see_healthy(label, service, step.containers)
            case Clear():
                for container in step.containers:
                    _remove(container)
            case Retire():
                info(f"containers of {service.name} finish what they do, and go: {len(step.containers)}")
                # One after the other: when a container ends, the proxy starts anew with all that it knows, and one that
                # is draining at that moment must have time left to be noticed.
                for container in step.containers:
                    there = [replica.id for replica in replicas(label, service.name) if replica.id != container]
                    if len(there) < wanted.replicas:
                        raise Problem(f"somebody else removes containers of {service.name}: nothing more was changed")
                    _see_healthy(label, service, [replica for replica in there if replica not in old])
                    _remove(container)


def _remove(container: str) -> None:
    docker("stop", container, check=False)
    docker("rm", "--force", container)


def told(service: str, planned: Sequence[Step]) -> str | None:
    """Return in a line what the steps do to a service; `None` when that is nothing."""
    started = sum(step.containers for step in planned if isinstance(step, Start))
    removed = sum(len(step.containers) for step in planned if isinstance(step, Clear | Retire))
    match bool(started), bool(removed):
        case True, True:
            return f"{service}: {started} new beside the old, then {removed} removed"
        case True, False:
            return f"{service}: {started} new"
        case False, True:
            return f"{service}: {removed} removed"
    return None


def _see_healthy(label: str, service: Service, ids: Collection[str]) -> None:
    seconds = int(service.inputs.get("waitTimeout") or 0)
    deadline = time.monotonic() + seconds
    while sick := [container for container in inspect(list(ids)) if health(container) != "healthy"]:
        if time.monotonic() > deadline:
            _fail(label, service, sick, seconds)
        time.sleep(0.5)


def _fail(label: str, service: Service, sick: Sequence[dict[str, Any]], seconds: int) -> None:
    for container in sick:
        tell(container)
    lines = [f"the rollout of {service.name} failed: a new container was not healthy within {seconds} s"]
    failed = " ".join(container["Id"][:12] for container in sick)
    if serving := what_serves_on(map(FoundContainer, _all(label, service.name))):
        for container in sick:
            # `always` would have the engine start it again when that starts itself.
            docker("update", "--restart", "no", container["Id"], check=False)
            docker("stop", container["Id"], check=False)
        lines.append(f"{serving} Fix the cause and run `make up`; until then `docker logs {failed}` shows the rest.")
    raise Problem("\n".join(lines))


def _all(label: str, service: str) -> list[dict[str, Any]]:
    # Not what `docker compose run` has started beside them.
    return containers(label, f"{SERVICE_LABEL}={service}", f"{_ONE_OFF_LABEL}=False", everything=True)
