"""Names under which the engine has another image than the one the stack was made from: somebody pulled a newer one."""

import functools

from ..engine.docker import image_id
from ..maintenance.images import ImageRecord
from ..plan.view import base_images
from ..pulumi.state import StackState


def moved_images(state: StackState, record: ImageRecord) -> dict[str, str]:
    """Return these names, by the URN of what takes the newer image when it is made anew: a pulled one, or a build."""
    # Most builds stand on the same few images, and each question is one to the engine.
    now = functools.cache(image_id)
    moved = {urn: name for urn, (name, taken) in state.pulled_images().items() if now(name) not in ("", taken)}
    for urn, build in state.builds().items():
        noted = record.bases(urn.rpartition("::")[2])
        if newer := [
            base for base in base_images(build.get("buildArgs")) if base in noted and noted[base] != now(base)
        ]:
            moved[urn] = ", ".join(newer)
    return moved
