"""Go back to the last good release without naming it, and keep what that needs."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from components.core.labels import SERVICE_LABEL
from components.settings import REFERENCE_HEALTH, REFERENCE_MIGRATIONS

from ..console import Problem, info
from ..engine.docker import containers, docker
from ..images.git import UNKNOWN_VERSION, git_version
from ..pulumi.stack import PulumiStack
from ..pulumi.state import StackState
from .releases import NO_SCHEMA, Release, Releases, Schema, listed, refusal
from .rollout import roll_out

_DEFAULT_VERSION = "0.0.0-dev"
_OF_A_BUILD = {"context", "dockerfile", "stage"}
"""Settings that a ready image leaves nothing to say for."""


class History:
    """The releases of a stack on this engine, noted in `folder`."""

    def __init__(self, root: Path, stack: PulumiStack, folder: Path) -> None:
        self._root, self._stack, self._label = root, stack, stack.label
        self._releases = Releases.of(folder)

    def begin(self) -> None:
        """Note that a rollout begins: until it succeeds, a rollback goes to what ran before."""
        self._releases = self._releases.begin()

    def record_success(self) -> None:
        """Note what runs now, give its image a name that keeps it, and drop those of releases that went."""
        state, image = self._stack.state(), self._running_image()
        if image is None:
            return
        settings = self._stack.section("backend")
        migrates = (_commands(settings) | settings).get("migrateCommand")
        self._releases = self._releases.succeeded(
            version=str(settings.get("release", _DEFAULT_VERSION)),
            revision=git_version(self._root) or UNKNOWN_VERSION,
            image=image,
            settings=settings,
            schema=Schema.said(state.job_output("app-migrate")) if migrates else NO_SCHEMA,
        )
        self._keep_images()

    def forget(self) -> None:
        """Forget all releases of a stack that is gone."""
        self._releases.path.unlink(missing_ok=True)
        self._drop_images(())

    def held_settings(self) -> dict[str, Any] | None:
        """Return the section `backend` that a rollback put there; `None` when the settings say what runs."""
        running = self._releases.running()
        return self._settings_of(running) if self._releases.held and running else None

    def listed(self) -> list[str]:
        """Return the releases as lines for a person."""
        if not self._releases.known:
            raise Problem(f"stack {self._stack.name} has no release yet: each `make up` that succeeds is one")
        lines = listed(self._releases.known, self._releases.current, self._schema(self._stack.state()))
        if self._releases.attempt:
            lines.append("a rollout began after it and did not succeed: `make rollback` goes back to what runs (*)")
        return lines

    def rollback(self, *, force: bool) -> Release:
        """Bring back the release before this one, or the last good one if a rollout is broken.

        Raises:
            Problem: when there is none, when the database cannot go back, or when the rollout failed.
        """
        target = self._releases.target()
        if target is None:
            raise Problem(
                f"stack {self._stack.name} has no good release to go back to; `make releases` lists what there is"
            )
        state = self._stack.state()
        if (why := refusal(target, self._schema(state))) and not force:
            raise Problem(f"cannot go back to {target.version} (no. {target.number}); nothing was changed: {why}")
        if "@" not in target.image and docker("image", "inspect", target.image, check=False).returncode != 0:
            raise Problem(
                f"the image of {target.version} (no. {target.number}) is no longer on this engine; nothing was changed."
                " Check out its commit and `make up`"
            )
        info(f"going back to {target.version} (no. {target.number}, up since {target.at})")
        self._stack.open(backend=self._settings_of(target))
        # If it does not come up, the next one goes to what serves.
        roll_out(self._stack, on_start=self.begin)
        self._releases = self._releases.went_back(target)
        return target

    def _schema(self, state: StackState) -> Schema | None:
        """Return what the migrations that ran last said, of a rollout that broke afterwards too."""
        if said := Schema.said(state.job_output("app-migrate")):
            return said
        running = self._releases.running()
        return running.schema if running else None

    def _settings_of(self, release: Release) -> dict[str, Any]:
        # Its volumes are data, and do not go back with it.
        volumes = {"volumes": kept} if (kept := self._stack.section("backend").get("volumes")) else {}
        ready = {key: value for key, value in release.settings.items() if key not in _OF_A_BUILD}
        return _commands(release.settings) | ready | volumes | {"image": release.image}

    def _running_image(self) -> str | None:
        for container in containers(self._label, f"{SERVICE_LABEL}=app"):
            made_from = str(container["Config"]["Image"])
            return made_from if "@" in made_from else str(container["Image"])
        return None

    def _keep_images(self) -> None:
        images = [release.image for release in self._releases.known if "@" not in release.image]
        wanted = {self._name(image): image for image in images}
        for name, image in wanted.items():
            docker("tag", image, name, check=False)
        self._drop_images(wanted)

    def _drop_images(self, wanted: Collection[str]) -> None:
        pattern = f"{self._repository}:*"
        present = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={pattern}")
        for name in set(present.stdout.split()).difference(wanted):
            docker("image", "rm", name, check=False)

    @property
    def _repository(self) -> str:
        return f"slidegenie/kept-{self._label.replace('/', '-').lower()}"

    def _name(self, image: str) -> str:
        return f"{self._repository}:{image.removeprefix('sha256:')[:12]}"


def _commands(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the commands of a release that left them to the defaults: those of a ready image are others."""
    if settings.get("context") or settings.get("image"):
        return {}
    return {"healthCommand": list(REFERENCE_HEALTH), "migrateCommand": list(REFERENCE_MIGRATIONS)}
