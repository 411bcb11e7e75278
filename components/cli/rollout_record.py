"""Write down what a good rollout runs, so that a cleanup knows what must stay and what is the stack's at all."""

from pathlib import Path

from ..maintenance.cache import steps
from ..maintenance.images import ImageRecord
from ..plan import Plan
from .docker import containers
from .home import Home


def image_record(home: Home, label: str) -> ImageRecord:
    """Return the record of the stack `project/stack`."""
    return ImageRecord.of(home.folder("images"), label)


def note_rollout(record: ImageRecord, plan: Plan, root: Path) -> None:
    """Note the images of every container the stack has now, and the steps of its Dockerfiles."""
    record.note_release(c["Image"] for c in containers(plan.label, everything=True))
    dockerfiles = {root / b.inputs["dockerfile"]["location"] for b in plan.of_type("docker-build:index:Image")}
    record.note_steps(step for file in dockerfiles for step in steps(file))
