"""An update from what runs to what a Compose file says, in the order of what needs what."""

import time
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

from components.containers.found import FoundContainer, explain, what_serves_on
from components.core.engine import DockerEngine
from components.core.labels import SERVICE_LABEL

from ..changes import Kind, LimitsChange
from ..changes.markdown import limits_lines
from ..console import Problem, echo, info, warn
from ..engine.docker import containers, docker, health, image_id, inspect, role
from ..engine.docker import service as service_of
from ..plan.view import Service, View
from .command import ComposeCommand
from .project import ComposeProject
from .replicas import Clear, Replica, Retire, Stage, Start, Step, Wait, Wanted, stages, steps
from .service import prepare_name

_UP = ("up", "--detach", "--no-deps", "--remove-orphans")


class Update:
    """Brings a stack to what its Compose file says.

    `docker compose up` stops a container before it starts the new one. So it is left what has to be so, and jobs; the
    services that roll are kept from it, see `roll`.
    """

    def __init__(
        self, view: View, project: ComposeProject, compose: ComposeCommand, *, unbuilt: AbstractSet[str] = frozenset()
    ) -> None:
        """`unbuilt` has the images that the engine has in an earlier form only."""
        self._view, self._services, self._compose, self._unbuilt = view, project.services, compose, unbuilt

    def run(self) -> None:
        """Carry it out, and see every server healthy.

        Raises:
            Problem: when Compose or a job fails, or a container does not become healthy, with the reason.
        """
        for stage, names in self._stages():
            self._settle(self._needed(stage.together) - names)
            if late := self._replaced(stage.together):
                info(f"changed, and stopped before the new container starts: {', '.join(late)}")
            self._bring_up(names)
            for service in stage.rolling:
                self._settle(self._needed([service]))
                roll(self._view.title, self._compose, service, self._wanted[service.name])
        self._settle({service.name for service in self._view.services})

    def show(self) -> None:
        """Print what `run` would do."""
        for line in limits_lines(self._limits()):
            echo(f"    {line}")
        for stage, names in self._stages():
            for name in self._replaced(stage.together):
                echo(f"    {name}: {Kind.RECREATED}, it stops before the new one starts")
            if names:
                self._compose.run(*_UP, "--dry-run", *sorted(names))
            for service in stage.rolling:
                found = replicas(self._view.title, service.name)
                if said := told(service.name, steps(self._wanted[service.name], found)):
                    echo(f"    {said}")

    def _limits(self) -> LimitsChange:
        """Return what the servers that run may use, and those of the plan."""
        running = [found["HostConfig"] for found in containers(self._view.title) if role(found) == "server"]
        wanted = [(service.inputs, service.replicas) for service in self._view.services if not service.job]
        return LimitsChange(
            memory_mib=(
                sum(int(limits["Memory"]) for limits in running) // 2**20,
                sum(int(inputs["memory"]) * replicas for inputs, replicas in wanted),
            ),
            cpus=(
                round(sum(int(limits["NanoCpus"]) for limits in running) / 1e9, 3),
                round(sum(float(inputs["cpus"]) * replicas for inputs, replicas in wanted), 3),
            ),
        )

    def _stages(self) -> Iterable[tuple[Stage, set[str]]]:
        """Yield each stage, and what Compose brings up in it: with the first one also what prepares volumes."""
        more = self._services.keys() - {service.name for service in self._view.services}
        for stage in stages(self._view.services):
            yield stage, {service.name for service in stage.together} | more
            more = set()

    @cached_property
    def _wanted(self) -> dict[str, Wanted]:
        hashes = self._compose.hashes()
        images = {name: str(fields["image"]) for name, fields in self._services.items()}
        return {
            service.name: Wanted(
                config_hash=hashes[service.name],
                image="" if images[service.name] in self._unbuilt else image_id(images[service.name]),
                replicas=service.replicas,
                surge=service.surge,
            )
            for service in self._view.services
        }

    def _replaced(self, services: Iterable[Service]) -> list[str]:
        return [
            service.name
            for service in services
            if not service.job
            and any(
                replica.running and not replica.made_from(self._wanted[service.name])
                for replica in replicas(self._view.title, service.name)
            )
        ]

    def _bring_up(self, names: Collection[str]) -> None:
        if not names:
            return
        try:
            self._compose.run(*_UP, "--no-build", *sorted(names))
        except Problem:
            report(self._view.title, jobs=True)
            raise

    def _needed(self, services: Iterable[Service]) -> set[str]:
        """Return what must be there before these services start."""
        prepared = {prepare_name(self._view.volume(name)) for service in services for name in service.prepared}
        return prepared | {name for service in services for name in service.after}

    def _settle(self, names: Collection[str]) -> None:
        """Wait until the servers among `names` are healthy and the jobs have ended well."""
        jobs = [container for container in self._containers(names) if role(container) != "server"]
        if running := [job["Id"] for job in jobs if job["State"]["Running"]]:
            docker("wait", *running)
            jobs = [container for container in self._containers(names) if role(container) != "server"]
        if failed := sorted(service_of(job) for job in jobs if job["State"]["ExitCode"]):
            report(self._view.title, jobs=True)
            raise Problem(f"failed, so nothing that needs it was replaced: {', '.join(failed)}")
        waited = (service for service in self._view.services if service.name in names)
        seconds = max((int(service.inputs.get("waitTimeout") or 0) for service in waited), default=0)
        deadline = time.monotonic() + seconds
        while sick := [c for c in unhealthy(self._view.title) if service_of(c) in names]:
            if time.monotonic() > deadline:
                report(self._view.title)
                raise Problem(f"{len(sick)} containers did not become healthy within {seconds} s")
            time.sleep(1)

    def _containers(self, names: Collection[str]) -> list[dict[str, Any]]:
        return [c for c in containers(self._view.title, everything=True) if service_of(c) in names]


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


def unhealthy(stack: str) -> list[dict[str, Any]]:
    """Return the stack's servers that are not healthy."""
    return [c for c in containers(stack, everything=True) if role(c) == "server" and health(c) != "healthy"]


def report(stack: str, *, jobs: bool = False) -> None:
    """Print why each of the stack's servers that is not healthy is not.

    With `jobs` the last lines of jobs that failed are printed too, for an engine that does not do so itself.
    """
    failed = (c for c in containers(stack, everything=True) if role(c) == "job" and c["State"].get("ExitCode"))
    for container in [*(failed if jobs else ()), *unhealthy(stack)]:
        tell(container)


def tell(container: dict[str, Any]) -> None:
    """Print why `container` is not healthy."""
    for line in explain(DockerEngine.of(), FoundContainer(container)):
        warn(line)
