"""Names under which the engine has another image than the one the stack was made from: somebody pulled a newer one."""

import functools
from collections.abc import Mapping
from typing import Any

from ..engine.docker import image_id
from ..maintenance.images import ImageRecord
from ..pulumi.state import State


def moved_images(state: State, record: ImageRecord) -> dict[str, str]:
    """Return these names, by the URN of what takes the newer image when it is made anew: a pulled one, or a build."""
    # Most builds stand on the same few images, and each question is one to the engine.
    now = functools.cache(image_id)
    moved = {urn: name for urn, (name, taken) in state.pulled_images().items() if now(name) not in ("", taken)}
    for urn, build in state.builds().items():
        noted = record.bases(urn.rpartition("::")[2])
        if newer := [base for base in bases(build.get("buildArgs")) if base in noted and noted[base] != now(base)]:
            moved[urn] = ", ".join(newer)
    return moved


def bases(arguments: Mapping[str, Any] | None) -> list[str]:
    """Return the images that a build with these arguments stands on."""
    return [value for key, value in (arguments or {}).items() if key.endswith("_IMAGE")]
