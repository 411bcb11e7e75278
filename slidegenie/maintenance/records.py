"""What is written down between runs, in a file for each stack: when tasks succeeded, and which images must stay."""

import datetime
import enum
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from prometheus_client import CollectorRegistry, Gauge

from ..user_folder import UserFolder, write_private


@dataclass(frozen=True)
class StackRecord:
    """Notes that are kept between runs."""

    file: Path

    @classmethod
    def of(cls, folder: Path, label: str) -> Self:
        """Return the notes in `folder` on the stack `project/stack`."""
        return cls(folder / f"{label.replace('/', '-')}.json")

    def read(self) -> dict[str, Any]:
        """Return what was noted; nothing where nothing was."""
        try:
            noted: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return noted

    def write(self, noted: dict[str, Any]) -> None:
        """Replace what was noted, whole or not at all."""
        write_private(self.file, json.dumps(noted, indent=2) + "\n", mode=0o600)


class Task(enum.Enum):
    """Something that is done now and then; the value is the name of its command."""

    SCAN = "scan"
    CLEAN = "clean"
    FRESHNESS = "freshness"


class Ledger(StackRecord):
    """The tasks of one stack."""

    def succeeded(self, task: Task) -> None:
        """Note that a task did all it was asked to, just now."""
        self._replace("succeeded", {**self.read().get("succeeded", {}), task.value: time.time()})

    def scanned(self, when: Mapping[str, float]) -> dict[str, float]:
        """Note when images were scanned; return it for all of `when`, with an earlier scan of those that failed now.

        A time of 0 says that there was none: an image that was never scanned must not look like one that need not be.
        """
        earlier = self.read().get("scanned", {})
        known = {image: at or earlier.get(image, 0.0) for image, at in when.items()}
        self._replace("scanned", known)
        return known

    def scheduled(self, seconds: Mapping[Task, int]) -> None:
        """Note how often each task is to run from now on; none at all when there is no schedule any more."""
        self._replace("every", {task.value: float(every) for task, every in seconds.items()})
        self._replace("since", {task.value: time.time() for task in seconds})

    def metrics(self) -> CollectorRegistry:
        """Return all of it as metrics."""
        noted, told = self.read(), CollectorRegistry()
        for part, name, about in (
            ("succeeded", "last_success_timestamp_seconds", "When the task last did all it was asked to."),
            ("since", "scheduled_timestamp_seconds", "Since when the task is scheduled."),
            ("every", "interval_seconds", "How often the task is to run."),
        ):
            gauge = Gauge(f"slidegenie_maintenance_{name}", about, ["task"], registry=told)
            for task, value in noted.get(part, {}).items():
                gauge.labels(task).set(value)
        return told

    def _replace(self, part: str, values: Mapping[str, float]) -> None:
        self.write(self.read() | {part: dict(values)})


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


def image_record(home: UserFolder, label: str) -> ImageRecord:
    """Return the record of the stack `project/stack`."""
    return ImageRecord.of(home.folder("images"), label)
