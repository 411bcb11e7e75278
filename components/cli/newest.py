"""Names under which the engine has another image than the one the stack was made from: somebody pulled a newer one."""

from collections.abc import Mapping
from typing import Any

from ..maintenance.images import ImageRecord
from .docker import image_id
from .state import State


def moved_images(state: State, record: ImageRecord) -> dict[str, str]:
    """Return these names, by the URN of what takes the newer image when it is made anew: a pulled one, or a build."""
    moved = {urn: name for urn, (name, taken) in state.pulled_images().items() if image_id(name) not in ("", taken)}
    for urn, build in state.builds().items():
        noted = record.bases(urn.rpartition("::")[2])
        if newer := [base for base in bases(build) if noted.get(base) not in (None, image_id(base))]:
            moved[urn] = ", ".join(newer)
    return moved


def bases(build: Mapping[str, Any]) -> list[str]:
    """Return the images that a build with these inputs stands on."""
    return [value for key, value in (build.get("buildArgs") or {}).items() if key.endswith("_IMAGE")]
