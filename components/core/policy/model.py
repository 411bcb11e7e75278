"""`security/container-security.yml` as a model: the file's schema, and what its mistakes are checked against."""

import datetime
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from ...settings.base import Section
from .rules_file import RULE_FIELDS, Rules


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

    @model_validator(mode="after")
    def _hardening_follows_the_rules(self) -> "ContainerPolicy":
        if broken := list(self._broken()):
            raise ValueError("\n".join(broken))
        return self

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
