"""An update from what runs to what a Compose file says, in the order of what needs what."""

import time
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

from ..console import Problem, echo, info
from ..engine import failures
from ..engine.docker import containers, docker, image_id, role
from ..engine.docker import service as service_of
from ..plan.view import Service, View
from .command import ComposeCommand
from .project import ComposeProject
from .replicas import Stage, Wanted, stages, steps
from .rolling import replicas, roll, told
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
        for stage, names in self._stages():
            if names:
                self._compose.run(*_UP, "--dry-run", *sorted(names))
            for service in stage.rolling:
                found = replicas(self._view.title, service.name)
                if said := told(service.name, steps(self._wanted[service.name], found)):
                    echo(f"    {said}")

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
            failures.report(self._view.title, jobs=True)
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
            failures.report(self._view.title, jobs=True)
            raise Problem(f"failed, so nothing that needs it was replaced: {', '.join(failed)}")
        waited = (service for service in self._view.services if service.name in names)
        seconds = max((int(service.inputs.get("waitTimeout") or 0) for service in waited), default=0)
        deadline = time.monotonic() + seconds
        while sick := [c for c in failures.unhealthy(self._view.title) if service_of(c) in names]:
            if time.monotonic() > deadline:
                failures.report(self._view.title)
                raise Problem(f"{len(sick)} containers did not become healthy within {seconds} s")
            time.sleep(1)

    def _containers(self, names: Collection[str]) -> list[dict[str, Any]]:
        return [c for c in containers(self._view.title, everything=True) if service_of(c) in names]
