"""What every section of the settings shares: camelCase keys, no unknown keys, no later change."""

import datetime
import re
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticKnownError

from .errors import OF_A_FILE, refused


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
    def _keep_the_defaults_of_what_is_not_said(cls, values: Any, info: ValidationInfo) -> Any:
        """Let a stack file say `limits: {cpus: 2}` and keep the section's own default for `memoryMib`."""
        if not isinstance(values, dict):
            return values
        merged = dict(values)
        for name, field in cls.model_fields.items():
            # Code may say it by the field's name, a stack file may not.
            for key in (str(field.alias), *(() if info.context == OF_A_FILE else (name,))):
                given = merged.get(key)
                if isinstance(field.default, Section) and isinstance(given, dict):
                    merged[key] = field.default.unless_said(given, info) | given
        return merged

    @model_validator(mode="after")
    def _keeps_its_rules(self) -> Self:
        if broken := list(self._broken()):
            raise ValueError("\n".join(broken))
        return self

    def _broken(self) -> Iterator[str]:
        """Yield a line for each rule over several keys that is broken, and all of them at once."""
        yield from ()

    def unless_said(self, given: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Return what is set here, by alias, without the fields that `given` has, by whichever name it may use."""
        named = {} if info.context == OF_A_FILE else type(self).model_fields
        said = {str(field.alias) for name, field in named.items() if name in given}
        return {key: value for key, value in self.model_dump(exclude_none=True).items() if key not in said}

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `true` for a number and a number for `true`. Numbers in quotes go on: so Pulumi hands over secrets."""
        _refuse_another_kind(cls.model_fields[str(info.field_name)].annotation, value)
        return value


def _refuse_another_kind(annotation: Any, value: Any, name: str | None = None) -> None:
    """Raise for a boolean in the place of a number and the other way round, in lists and maps too."""
    kinds = set(_kinds(annotation))
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for part in (kind for kind in kinds if typing.get_origin(kind) in (dict, tuple)):
            item = [argument for argument in typing.get_args(part) if argument is not Ellipsis][-1]
            for key, one in items:
                _refuse_another_kind(item, one, f"{name}.{key}" if name else str(key))
        return
    if kinds & _DATES and (isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value))):
        raise refused("a date, like 2027-12-31, or with a time, like 2027-12-31T12:00:00Z", value)
    wanted: typing.Literal["int_type", "float_type", "bool_type"]
    if isinstance(value, bool) and kinds & {int, float}:
        wanted = "int_type" if int in kinds else "float_type"
    elif isinstance(value, int | float) and not isinstance(value, bool) and bool in kinds:
        wanted = "bool_type"
    else:
        return
    if name is None:
        raise PydanticKnownError(wanted)
    raise ValueError(f"{name} must be {_NUMBERS[wanted]}; got {value!r}")


_NUMBERS = {"int_type": "a whole number", "float_type": "a number", "bool_type": "true or false"}
_DATES = {datetime.date, datetime.datetime, AwareDatetime}
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?")
"""What pydantic takes for seconds since 1970, where a person has forgotten the dashes."""


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield the alternatives of a union, without the constraints around them."""
    if hasattr(annotation, "__metadata__"):
        yield from _kinds(typing.get_args(annotation)[0])
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for option in typing.get_args(annotation):
            yield from _kinds(option)
    else:
        yield annotation


class Limits(Section):
    """What one container may use at most. Every container has all of them."""

    memory_mib: Annotated[int, Field(ge=16, le=1_048_576)]
    """Memory in MiB; the kernel kills what goes above. Swap is never added to it."""
    memory_reservation_mib: Annotated[int, Field(ge=6, le=1_048_576)] | None = None
    """Memory in MiB the kernel leaves to the container when the host runs short. Default: half of `memoryMib`."""
    cpus: Annotated[float, Field(ge=0.01, le=512)] | None = None
    """CPU time per second of wall clock; 0.5 is half a core. Default: `hardening.cpus` of the container policy."""
    cpuset: (
        Annotated[str, Field(pattern=r"^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$", examples=["0-1"])]
        | None
    ) = None
    """Cores the container is pinned to, as `0-1` or `0,2`. Default: any core."""
    pids: Annotated[int, Field(ge=8, le=1_000_000)] | None = None
    """Processes and threads at most. Default: `hardening.pids` of the container policy."""

    @field_validator("cpuset")
    @classmethod
    def _cores_go_upwards(cls, value: str | None) -> str | None:
        for part in (value or "").split(","):
            first, dash, last = part.partition("-")
            if dash and int(first) > int(last):
                raise ValueError(f"must be cores or ranges from low to high, like 0-1 or 0,2; got {value!r}")
        return value

    def _broken(self) -> Iterator[str]:
        if (reserved := self.memory_reservation_mib) is not None and reserved > self.memory_mib:
            yield (
                f"memoryReservationMib must be at most memoryMib ({self.memory_mib}); got {reserved};"
                " lower it or raise memoryMib"
            )
