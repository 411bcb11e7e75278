"""`security/container-security.yml` as a model, its reader, and the exceptions that a stack adds to it."""

import datetime
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError, field_validator

from ..settings.base import Section
from ..settings.errors import SettingsError, explain
from ..settings.sections.monitoring import PolicySettings
from ..settings.yaml_file import read_yaml
from .assets import asset
from .policy_rules import RULE_FIELDS, Rules
from .text import json_text


class Hardening(Section):
    """What every container of the library is given."""

    user: Annotated[str, Field(pattern=r"^[1-9][0-9]*:[1-9][0-9]*$", examples=["1000:1000"])]
    """Numeric user and group. Volumes belong to 1000:1000."""
    read_only_root: bool
    """Whether it cannot change its own files."""
    drop_capabilities: tuple[Annotated[str, Field(pattern=r"^(ALL|CAP_[A-Z_]+)$", examples=["ALL"])], ...]
    """Capabilities it loses."""
    security_options: tuple[str, ...]
    """Security options."""
    init: bool
    """Whether an init process is its first."""
    restart: Annotated[
        str, Field(pattern=r"^(no|always|unless-stopped|on-failure(:[0-9]+)?)$", examples=["unless-stopped"])
    ]
    """What happens when a server ends."""
    log_driver: str
    """Where its logs go."""
    log_options: dict[str, str]
    """How they are kept."""
    tmpfs_options: tuple[str, ...]
    """How its folders in memory are mounted; size and owner come on top."""
    cpus: Annotated[float, Field(ge=0.01, le=512)]
    """CPU time per second where a service does not say."""
    pids: Annotated[int, Field(ge=8, le=1_000_000)]
    """Processes and threads where a service does not say."""


class Elsewhere(Section):
    """An item of the benchmark that no declaration shows."""

    cis: Annotated[str, Field(pattern=r"^[45]\.[0-9]+$", examples=["5.7"])]
    """The item."""
    where: Annotated[str, Field(min_length=10)]
    """What answers it."""


class Granted(Section):
    """A deviation that somebody accepted, for a while."""

    container: Annotated[str, Field(min_length=1)]
    """The service's name; the resource's where it has no service label."""
    rule: str
    """The rule's name."""
    only: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """What of the rule is excused: paths, variables, ports, groups. Default: all of it, for this container."""
    reason: Annotated[str, Field(min_length=20)]
    """Why it is accepted; a sentence."""
    expires: datetime.date
    """Last day it is accepted; at most two years from now, or it does not hold at all."""

    @field_validator("rule")
    @classmethod
    def _is_a_rule(cls, rule: str) -> str:
        if rule not in RULE_FIELDS:
            raise ValueError(f"must be one of {', '.join(RULE_FIELDS)}; got {rule!r}")
        return rule


class Exceptions(Section):
    """A file of exceptions of your own."""

    exceptions: tuple[Granted, ...]
    """The exceptions."""


class ContainerPolicy(Section):
    """The container policy: what containers are given, what they are judged by, and who is excused."""

    hardening: Hardening
    """What every container of the library is given."""
    rules: Rules
    """What every container is judged by."""
    elsewhere: tuple[Elsewhere, ...] = ()
    """Items of the benchmark that no declaration shows."""
    exceptions: tuple[Granted, ...] = ()
    """Who is excused, from what, why and how long."""

    def _broken(self) -> Iterator[str]:
        """What the library gives must be what the rules want: else no container of it could comply."""
        given, rules = self.hardening, self.rules
        checks = (
            (given.read_only_root, "readOnlyRoot", "true"),
            ("ALL" in given.drop_capabilities, "dropCapabilities", "[ALL]"),
            ("no-new-privileges:true" in given.security_options, "securityOptions", "[no-new-privileges:true]"),
            (
                all(map(rules.security_profiles.allows, given.security_options)),
                "securityOptions",
                f"one or more of {', '.join(rules.security_profiles.allowed)}",
            ),
            (given.restart in rules.restart.allowed, "restart", f"one of {', '.join(rules.restart.allowed)}"),
            (
                given.log_driver in rules.logs.rotating or "max-size" in given.log_options,
                "logDriver",
                f"one of {', '.join(rules.logs.rotating)}, or logOptions must have max-size",
            ),
            (set(rules.tmpfs.options) <= set(given.tmpfs_options), "tmpfsOptions", ", ".join(rules.tmpfs.options)),
            (given.pids <= rules.pids.max, "pids", f"at most {rules.pids.max}"),
        )
        for holds, key, wanted in checks:
            if not holds:
                yield f"hardening.{key}: must be {wanted}, or the library's own containers break the rules below"


_Model = TypeVar("_Model", bound=Section)
SCHEMA = "security/container-security.schema.json"
"""Where the generated schema is, for editors."""


def load_policy(settings: PolicySettings, root: Path | None = None) -> ContainerPolicy:
    """Return the policy of a stack. Relative paths start at `root`, by default the working directory.

    Raises:
        SettingsError: when a file cannot be read, with one line for each mistake.
    """
    base = root or Path.cwd()
    if settings.file is None:
        policy = default_policy()
    else:
        policy = parse(ContainerPolicy, read_yaml(base / settings.file, "policy.file"), settings.file)
    policy = _with_registries(policy, settings.registries)
    if settings.exceptions is None:
        return policy
    added = parse(Exceptions, read_yaml(base / settings.exceptions, "policy.exceptions"), settings.exceptions)
    return policy.model_copy(update={"exceptions": (*policy.exceptions, *added.exceptions)})


def _with_registries(policy: ContainerPolicy, added: tuple[str, ...]) -> ContainerPolicy:
    source = policy.rules.image_source
    source = source.model_copy(update={"registries": (*source.registries, *added)})
    return policy.model_copy(update={"rules": policy.rules.model_copy(update={"image_source": source})})


@functools.cache
def default_policy() -> ContainerPolicy:
    """Return the policy that comes with the library.

    Raises:
        SettingsError: with one line for each mistake in it.
    """
    file = asset("security", "container-security.yml")
    return parse(ContainerPolicy, read_yaml(Path(file), "policy.file"), file)


def parse(model: type[_Model], values: Any, source: str) -> _Model:
    """Check `values`, what a file said. `source` is named in errors.

    Raises:
        SettingsError: with one line for each mistake.
    """
    if not isinstance(values, dict):
        known = ", ".join(str(field.alias) for field in model.model_fields.values())
        raise SettingsError(source, [f"must be a group with the keys {known}; got {type(values).__name__}"])
    try:
        return model.model_validate(values, by_alias=True, by_name=False)
    except ValidationError as error:
        raise SettingsError(source, explain(error, model, values)) from None


def schema() -> str:
    """Return the JSON schema of the policy file."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ContainerPolicy.model_json_schema(by_alias=True),
    }
    return json_text(document, sort_keys=True)
