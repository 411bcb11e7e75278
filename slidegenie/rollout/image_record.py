"""Write down what a good rollout runs, so that a cleanup knows what must stay and what is the stack's at all."""

from pathlib import Path

from ..engine.docker import containers, image_id
from ..maintenance.cache import steps
from ..maintenance.images import ImageRecord
from ..plan import Plan
from ..plan.view import BUILT, base_images
from ..user_folder import UserFolder


def image_record(home: UserFolder, label: str) -> ImageRecord:
    """Return the record of the stack `project/stack`."""
    return ImageRecord.of(home.folder("images"), label)


def note_rollout(record: ImageRecord, plan: Plan, root: Path, *, newest: bool) -> None:
    """Note the images of every container the stack has now, what its builds stand on, and what its Dockerfiles do.

    `newest` says that everything was built on what the engine has now.
    """
    record.note_release(c["Image"] for c in containers(plan.label, everything=True))
    builds = plan.of_type(BUILT)
    for build in builds:
        image = image_id(build.inputs["tags"][-1]) if build.inputs.get("load") else ""
        based_on = {base: image_id(base) for base in base_images(build.inputs.get("buildArgs"))}
        record.note_build(build.name, image, based_on, anew=newest)
    dockerfiles = {root / build.inputs["dockerfile"]["location"] for build in builds}
    record.note_steps(step for file in dockerfiles for step in steps(file))
