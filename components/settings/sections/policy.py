"""The settings of the container policy: who is stopped by it, and by which file."""

import enum
from typing import Annotated

from pydantic import Field

from ..base import Section
from ..values.image_names import RegistryPath

_PolicyPath = Annotated[str, Field(min_length=1, examples=["security/container-security.yml"])]


class Enforcement(enum.Enum):
    """What becomes of a rollout that breaks the container policy."""

    ADVISORY = "advisory"
    """What breaks it is said, and the rollout goes on."""
    MANDATORY = "mandatory"
    """It is refused before anything is changed."""
    DISABLED = "disabled"
    """Nothing is judged."""


class PolicySettings(Section):
    """The container policy, see docs/policy.md."""

    enforcement: Enforcement = Enforcement.ADVISORY
    """What becomes of a rollout that breaks the policy."""
    file: _PolicyPath | None = None
    """The policy itself, which is also what hardens the containers. Default: `security/container-security.yml`."""
    exceptions: _PolicyPath | None = None
    """A file with a list `exceptions` of your own, on top of those in the policy. Default: none."""
    registries: tuple[RegistryPath, ...] = ()
    """Registries of your own, such as a mirror, besides those in the policy; with as much of the path as counts."""
