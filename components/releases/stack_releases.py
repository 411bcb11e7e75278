"""The list of releases that a stack keeps of itself, in its output `releases`."""

import asyncio
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from ..backend import Backend
from ..containers.found import FoundContainer, found_containers
from ..containers.foundation import Foundation
from ..core.engine import DockerEngine
from ..core.git import git_version
from ..core.labels import STACK_LABEL, stack_labels
from ..core.program import speaks_to_an_engine
from ..settings import BackendSettings, SettingsError, parse_settings
from .kept_images import is_there, keep_images
from .model import NO_SCHEMA, Release, Releases, migrates, refusal
from .what_runs import APPLICATION, image_of, schema_on

OUTPUT = "releases"
"""Name of the output; a program has to export it under this name, or the list begins anew with each update."""
_READ_OUTPUTS = "pulumi:pulumi:readStackOutputs"


class StackReleases:
    """What ran before, and what this run makes of it.

    A plan and a test know of no releases. `settings` is what the section `backend` says.
    """

    settings: BackendSettings
    """What runs: what the section says, or the release that `rollback` names."""

    def __init__(self, settings: BackendSettings) -> None:
        self._section, self._unchecked = section_of(settings), settings.rollback_unchecked
        self._before = Releases.of(outputs_before().get(OUTPUT)) if speaks_to_an_engine() else Releases()
        self._target = self._named(settings.rollback)
        self.settings = self._back_to(self._target) if self._target else settings

    def hold(self, foundation: Foundation) -> None:
        """Let no container of the stack change before the way back, where one is asked for, is known to be open."""
        if self._target and not self._is_back:
            foundation.wait_for(self._open_to(self._target, foundation.engine))

    def after(self, foundation: Foundation, backend: Backend) -> pulumi.Output[dict[str, Any]]:
        """Return the list after this run, for the output `releases`: it is known once the rollout is done.

        A rollout that fails leaves the list as it was, and so does an update of a part of the stack. A preview does not
        know what it will be, unless nothing changes.
        """
        before = pulumi.Output.from_input(self._before.output())
        if not speaks_to_an_engine():
            return before
        if pulumi.runtime.is_dry_run():
            return backend.web.server.ready.apply(lambda _: before if self._unchanged() else _unknown())
        return pulumi.Output.all(foundation.rollout.reached, foundation.engine).apply(
            lambda known: self._now(known[1]) if known[0] else self._before.output()
        )

    def _named(self, number: int | None) -> Release | None:
        if number is None or not speaks_to_an_engine():
            return None
        if target := self._before.numbered(number):
            return target
        known = ", ".join(str(release.number) for release in self._before.known) or "none yet"
        raise pulumi.RunError(
            f"backend.rollback: is {number}, and the stack has no such release; it knows {known}"
            " (`pulumi stack output releases`)"
        )

    def _back_to(self, target: Release) -> BackendSettings:
        source = f"backend.rollback: release {target.number} does not run with this code"
        try:
            return parse_settings({"backend": target.runs_again(self._section)}, source).backend
        except SettingsError as error:
            raise pulumi.RunError(str(error)) from None

    def _open_to(self, target: Release, where: pulumi.Output[DockerEngine]) -> pulumi.Output[None]:
        async def check(engine: DockerEngine) -> None:
            if target.on_engine and not await asyncio.to_thread(is_there, engine, target.image):
                raise pulumi.RunError(
                    f"the image of {target.version} (no. {target.number}) is no longer on {engine.address};"
                    " no container was changed. Take backend.rollback out, and bring its commit up"
                )
            said = await asyncio.to_thread(lambda: schema_on(engine, _found(engine)))
            why = refusal(target, self._before.schema(said))
            if why and not self._unchecked:
                raise pulumi.RunError(
                    f"cannot go back to {target.version} (no. {target.number}); no container was changed: {why}"
                )

        return where.apply(check)

    @property
    def _is_back(self) -> bool:
        """Whether the release that is asked for is there from an earlier run."""
        return self._before.held and self._before.running() == self._target

    def _unchanged(self) -> bool:
        """Tell whether the list stays as it is, when no container of the application is replaced."""
        before, running = self._before, self._before.running()
        if self._target:
            return self._is_back
        return running is not None and not before.held and before.has(running.image, self._section)

    async def _now(self, engine: DockerEngine) -> dict[str, Any]:
        releases = self._before
        found = await asyncio.to_thread(_found, engine)
        if self._target:
            releases = releases.went_back(self._target.number)
        elif image := next((image_of(c) for c in found if c.service == APPLICATION and c.healthy), None):
            releases = releases.succeeded(
                version=self.settings.release,
                revision=await asyncio.to_thread(git_version, Path.cwd()),
                at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                image=image,
                settings=self._section,
                schema=await asyncio.to_thread(schema_on, engine, found) if migrates(self._section) else NO_SCHEMA,
            )
        images = [release.image for release in releases.known if release.on_engine]
        await asyncio.to_thread(keep_images, engine, stack_labels()[STACK_LABEL], images)
        return releases.output()


def outputs_before() -> Mapping[str, Any]:
    """Return the outputs of the current stack as the last update that succeeded left them; none before the first."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    answer = pulumi.runtime.invoke(_READ_OUTPUTS, {"name": name}).value
    outputs: Mapping[str, Any] = (answer or {}).get("outputs") or {}
    return outputs


def section_of(settings: BackendSettings) -> dict[str, Any]:
    """Return what a stack file has in section `backend`, without what it says of going back."""
    return settings.model_dump(
        mode="json",
        by_alias=True,
        exclude_defaults=True,
        exclude={"rollback", "rollback_unchecked"},
    )


def _found(engine: DockerEngine) -> list[FoundContainer]:
    return found_containers(engine, *("=".join(label) for label in stack_labels().items()))


def _unknown() -> pulumi.Output[Any]:
    """Return what Pulumi shows as not known yet: whatever the update comes to, a saved plan of this preview holds."""
    known: asyncio.Future[bool] = asyncio.Future()
    known.set_result(False)
    value: asyncio.Future[Any] = asyncio.Future()
    value.set_result(None)
    return pulumi.Output(set(), value, known)
