"""The same rules as a Pulumi policy pack. Only `serve` starts it: the constructor of a pack never returns."""

import datetime
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi.runtime import get_config_env
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from components.core.policy import ContainerPolicy, Granted, load_policy, parse
from components.settings import PolicySettings, SettingsError, keys_of

from ..plan import StackProgram
from .judge import CHECKS, Undecided, Violation, explain, judge_rule
from .normalized import NETWORK, built_tags, judged_resource, pushed_repositories, zone_of
from .rule import UNKNOWN, ProgramFacts, RuleCheck

_UNDECIDED = "notJudged"


def serve() -> None:
    """Serve the pack to the Pulumi command line, with the file and the enforcement that the stack's settings say."""
    here = Path.cwd()
    # Pulumi runs a pack in its own folder; the paths in the settings start at the program's.
    root = next((folder for folder in (here, *here.parents) if (folder / "Pulumi.yaml").is_file()), here)
    try:
        given = stack_settings(get_config_env(), os.environ.get("PULUMI_PROJECT", ""))
        settings = settings_beside(root, os.environ.get("PULUMI_STACK", "")) or given
        policy = load_policy(settings, root)
    except SettingsError as error:
        sys.exit(str(error))
    PolicyPack(
        name="container-security",
        policies=pack_policies(policy, lambda: datetime.datetime.now(datetime.UTC).date()),
        enforcement_level=EnforcementLevel(settings.enforcement.value),
    )


def settings_beside(root: Path, stack: str) -> PolicySettings | None:
    """Return what the stack file beside the pack, in `root`, says about the policy; `None` where there is no such file.

    It is what Pulumi hands over, unless the pack is of another checkout than the program: then whoever wrote the pack
    says how strict it is, and not the change that it judges.

    Raises:
        SettingsError: when that is no stack file.
    """
    if not all((root / name).is_file() for name in ("Pulumi.yaml", f"Pulumi.{stack}.yaml")):
        return None
    program = StackProgram.read(root, stack)
    return parse(PolicySettings, program.section("policy"), program.file)


def stack_settings(configuration: Mapping[str, Any], project: str) -> PolicySettings:
    """Return what the stack's settings say about the policy; the defaults in a project that has no such section."""
    section = keys_of(project, configuration).get("policy") or {}
    return parse(PolicySettings, section, "the stack's settings under `policy`")


def pack_policies(policy: ContainerPolicy, today: Callable[[], datetime.date]) -> list[Policy]:
    """Return a Pulumi policy for each rule, and one that says what could not be judged and never stops anything."""
    asked = _Asked(policy, today)
    undecided = ResourceValidationPolicy(
        name=_UNDECIDED,
        description="a rule could not be asked; nobody should take its silence for consent",
        validate=asked.undecided,
        enforcement_level=EnforcementLevel.ADVISORY,
    )
    return [*(asked.about(check) for check in CHECKS), undecided]


class _Asked:
    """What Pulumi asks about, one resource after the other."""

    def __init__(self, policy: ContainerPolicy, today: Callable[[], datetime.date]) -> None:
        self._policy, self._today = policy, today
        self._built: set[str] = set()
        self._pushed: set[str] = set()
        self._zones: dict[str, str] = {}

    def about(self, check: RuleCheck) -> Policy:
        """Return one rule as a Pulumi policy."""

        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            for result in self._results([check], args):
                if isinstance(result, Violation):
                    report(explain(result), None)

        title = self._policy.rules.named(check.id).title
        return ResourceValidationPolicy(name=check.id, description=title, validate=validate)

    def undecided(self, args: ResourceValidationArgs, report: ReportViolation) -> None:
        """Say which rules could not be asked, once for each resource."""
        rules: dict[str, list[str]] = {}
        for result in self._results(CHECKS, args):
            if isinstance(result, Undecided):
                rules.setdefault(result.why, []).append(result.rule)
        if rules:
            report("\n".join(f"{args.name}: {', '.join(names)} {why}" for why, names in rules.items()), None)

    def _results(
        self, checks: Sequence[RuleCheck], args: ResourceValidationArgs
    ) -> Iterator[Violation | Undecided | Granted]:
        properties = known(args.props)
        # Pulumi asks about a build or a network before it asks about what depends on it.
        self._built.update(built_tags(args.resource_type, properties))
        self._pushed.update(pushed_repositories(args.resource_type, properties))
        if args.resource_type == NETWORK:
            # Its ID is nothing that Pulumi tells a policy.
            self._zones[str(properties.get("name"))] = zone_of(properties)
        facts = ProgramFacts(built=frozenset(self._built), pushed=frozenset(self._pushed), zones=self._zones)
        subject = judged_resource(args.resource_type, args.name, properties, facts=facts)
        if subject is None:
            return
        for check in checks:
            yield from judge_rule(check, subject, self._policy, self._today())


def known(value: Any) -> Any:
    """Return what Pulumi hands to a policy as plain values, with `UNKNOWN` for what raises when it is touched."""
    if isinstance(value, Mapping):
        return {key: _touched(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_touched(value, number) for number in range(len(value))]
    return value


def _touched(holder: Any, key: Any) -> Any:
    try:
        return known(holder[key])
    except UnknownValueError:
        return UNKNOWN
