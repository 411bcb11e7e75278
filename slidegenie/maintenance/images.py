"""Which images a stack ran and pulled: what a cleanup may touch at all, and what it must keep."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from .stack_file import StackRecord

_MOST_RELEASES = 50
_MOST_STEPS = 500


class ImageRecord(StackRecord):
    """The images of one stack."""

    def others(self) -> list["ImageRecord"]:
        """Return the records of the other stacks on this machine."""
        return [ImageRecord(file) for file in sorted(self.file.parent.glob("*.json")) if file != self.file]

    def note_release(self, images: Iterable[str]) -> None:
        """Note the IDs of the images a good rollout left running; the same again is no other release."""
        noted, ids = self._read(), sorted(set(images))
        releases = [release for release in noted["releases"] if release["images"] != ids]
        noted["releases"] = [*releases, {"at": _now(), "images": ids}][-_MOST_RELEASES:]
        self.write(noted)

    def note_pulled(self, reference: str) -> None:
        """Note an image that was not on the engine before this stack pulled it."""
        noted = self._read()
        noted["pulled"][short(reference)] = _now()
        self.write(noted)

    def note_build(self, name: str, image: str, bases: Mapping[str, str], *, anew: bool) -> None:
        """Note the IDs of what a build stands on, by name; of the same `image` once, unless it was made `anew`."""
        noted = self._read()
        if anew or noted["builds"].get(name, {}).get("image") != image:
            noted["builds"][name] = {"image": image, "bases": dict(bases)}
            self.write(noted)

    def bases(self, name: str) -> dict[str, str]:
        """Return the IDs of what a build stands on, by name."""
        return dict(self._read()["builds"].get(name, {}).get("bases", {}))

    def note_steps(self, commands: Iterable[str]) -> None:
        """Note what the stack's Dockerfiles run: only so is the cache of a step recognised once it is in none."""
        noted = self._read()
        new = set(commands)
        noted["steps"] = [*(old for old in noted["steps"] if old not in new), *sorted(new)][-_MOST_STEPS:]
        self.write(noted)

    def steps(self) -> frozenset[str]:
        """Return every command that a Dockerfile of the stack is known to have run."""
        return frozenset(self._read()["steps"])

    def releases(self, last: int) -> list[frozenset[str]]:
        """Return the images of the `last` releases, the newest first."""
        return [frozenset(release["images"]) for release in reversed(self._read()["releases"][-last:])]

    def pulled(self) -> dict[str, datetime.datetime]:
        """Return what the stack pulled, by reference, and when."""
        return {name: datetime.datetime.fromisoformat(at) for name, at in self._read()["pulled"].items()}

    def _read(self) -> dict[str, Any]:
        return {"releases": [], "pulled": {}, "builds": {}, "steps": []} | self.read()


def kept_images(record: ImageRecord, last: int) -> frozenset[str]:
    """Return the IDs of images of the stack's `last` releases and of other stacks': they stay, running or not."""
    return frozenset(image for one in (record, *record.others()) for images in one.releases(last) for image in images)


def short(reference: str) -> str:
    """Return a reference as the engine lists it: Docker Hub's own address is left out."""
    return reference.removeprefix("docker.io/").removeprefix("library/")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
