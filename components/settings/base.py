"""What every section of the settings shares: camelCase keys, no unknown keys, no later change."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port, 1 to 65535."""

_NAME = r"[a-z0-9][a-zA-Z0-9./_-]*(:[0-9]+/[a-z0-9./_-]+)?"
_TAG = r":[\w][\w.-]{0,127}"
_ID = "sha256:[0-9a-f]{64}"

IMAGE_ID = re.compile(_ID)
"""What an engine calls an image that it has."""

ImageReference = Annotated[
    str,
    Field(
        pattern=rf"^{_NAME}{_TAG}(@{_ID})?$",
        examples=["docker.io/library/redis:8.2.1", "redis:8.2.1@sha256:…"],
    ),
]
"""`name:tag`, with an optional `@sha256:...`. A reference without a tag would mean `latest`: refused."""

RunnableImage = Annotated[
    str,
    Field(
        pattern=rf"^{_NAME}({_TAG}(@{_ID})?|@{_ID})$",
        examples=["ghcr.io/acme/slides:1.4.2@sha256:…"],
    ),
]
"""The same, and `name@sha256:...` or an image's ID on the engine, `sha256:...`: what a rollback names."""

AbsolutePath = Annotated[str, Field(pattern=r"^/\S*$", examples=["/opt/slidegenie/data"])]
"""A path on the Docker host, from the root."""

Hostname = Annotated[
    str,
    Field(
        pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9-]{0,62})(\.[a-zA-Z0-9-]{1,63})*$",
        examples=["slides.example.com"],
    ),
]
"""A DNS name or an IPv4 address, without scheme, port or path."""

ENCRYPTED = "encrypted"
"""What stands for an encrypted value in a plan, which has nothing to decrypt it with."""


class Section(BaseModel):
    """A group of settings under one configuration key."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        # Code says memory_mib, a stack file says memoryMib and nothing else: see `parse_settings`.
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _keep_the_defaults_of_what_is_not_said(cls, values: Any) -> Any:
        """Let a stack file say `limits: {cpus: 2}` and keep the section's own default for `memoryMib`."""
        if not isinstance(values, dict):
            return values
        merged = dict(values)
        for field in cls.model_fields.values():
            given = merged.get(str(field.alias))
            if isinstance(field.default, Section) and isinstance(given, dict):
                merged[str(field.alias)] = field.default.model_dump(exclude_none=True) | given
        return merged


class Limits(Section):
    """What one container may use at most. Every container has all of them."""

    memory_mib: Annotated[int, Field(ge=16, le=1_048_576)]
    """Memory in MiB; the kernel kills what goes above. Swap is never added to it."""
    memory_reservation_mib: Annotated[int, Field(ge=6)] | None = None
    """Memory in MiB the kernel leaves to the container when the host runs short. Default: half of `memoryMib`."""
    cpus: Annotated[float, Field(gt=0, le=512)] | None = None
    """CPU time per second of wall clock; 0.5 is half a core. Default: `hardening.cpus` of the container policy."""
    cpuset: Annotated[str, Field(pattern=r"^\d+(-\d+)?(,\d+(-\d+)?)*$", examples=["0-1"])] | None = None
    """Cores the container is pinned to, as `0-1` or `0,2`. Default: any core."""
    pids: Annotated[int, Field(ge=8, le=1_000_000)] | None = None
    """Processes and threads at most. Default: `hardening.pids` of the container policy."""

    @model_validator(mode="after")
    def _reservation_fits(self) -> "Limits":
        if (reserved := self.memory_reservation_mib) is not None and reserved > self.memory_mib:
            raise ValueError(
                f"memoryReservationMib must be at most memoryMib ({self.memory_mib}); got {reserved};"
                " lower it or raise memoryMib"
            )
        return self
