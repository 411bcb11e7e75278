"""The judge: every rule on everything it is about, the exceptions on what was found, and the result for people."""

import datetime
import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from components.core.policy import ContainerPolicy, Granted
from components.core.policy_rules import Rule

from . import content_rules, limit_rules, privilege_rules, reach_rules
from .rule import (
    ALL_CONTAINERS,
    NOT_KNOWN,
    RUNNING,
    Broken,
    Found,
    JudgedResource,
    Kind,
    NotJudged,
    NotKnownError,
    RuleCheck,
)

LONGEST = datetime.timedelta(days=731)
"""An exception that ends later than this from today does not hold: nobody would look at it again."""

CHECKS = tuple(
    RuleCheck(id=identity, kinds=frozenset(kinds), check=check)
    for identity, kinds, check in (
        ("user", RUNNING, privilege_rules.user),
        ("groups", ALL_CONTAINERS, privilege_rules.groups),
        ("privileged", ALL_CONTAINERS, privilege_rules.privileged),
        ("capabilities", ALL_CONTAINERS, privilege_rules.capabilities),
        ("noNewPrivileges", RUNNING, privilege_rules.no_new_privileges),
        ("securityProfiles", ALL_CONTAINERS, privilege_rules.security_profiles),
        ("namespaces", ALL_CONTAINERS, privilege_rules.namespaces),
        ("devices", ALL_CONTAINERS, privilege_rules.devices),
        ("sysctls", ALL_CONTAINERS, privilege_rules.sysctls),
        ("memory", RUNNING, limit_rules.memory),
        ("cpu", RUNNING, limit_rules.cpu),
        ("pids", RUNNING, limit_rules.pids),
        ("ulimits", RUNNING, limit_rules.ulimits),
        ("tmpfs", RUNNING, limit_rules.tmpfs),
        ("logs", RUNNING, limit_rules.logs),
        ("restart", RUNNING, limit_rules.restart),
        ("healthCheck", RUNNING, limit_rules.health_check),
        ("readOnlyRoot", RUNNING, reach_rules.read_only_root),
        ("network", ALL_CONTAINERS, reach_rules.network),
        ("segments", {Kind.NETWORK}, reach_rules.segments),
        ("ports", ALL_CONTAINERS, reach_rules.ports),
        ("hostMounts", ALL_CONTAINERS | {Kind.VOLUME}, reach_rules.host_mounts),
        ("readOnlyMounts", ALL_CONTAINERS, reach_rules.read_only_mounts),
        ("imageSource", ALL_CONTAINERS | {Kind.IMAGE}, content_rules.image_source),
        ("imagePinned", ALL_CONTAINERS, content_rules.image_pinned),
        ("secrets", ALL_CONTAINERS | {Kind.VOLUME}, content_rules.secrets),
    )
)
"""Every rule of the file with its function."""


@dataclass(frozen=True)
class Violation:
    """A rule that something breaks, without an exception that holds today."""

    rule: str
    """The rule's name in the file."""
    resource: str
    container: str
    """The service's name."""
    path: str
    what: str
    """What is wrong, without a word of what the resource says."""
    says: Rule
    """Why it is dangerous and how to fix it."""

    @property
    def where(self) -> str:
        """Resource, service where it is called otherwise, and property."""
        service = f" ({self.container})" if self.container != self.resource else ""
        return f"{self.resource}{service}: {self.path}"


@dataclass(frozen=True)
class Undecided:
    """A rule that could not be asked."""

    rule: str
    resource: str
    why: str
    """What is missing, or cannot be said, and what to do about it."""


@dataclass(frozen=True)
class PolicyResult:
    """What the policy says about a set of resources."""

    violations: tuple[Violation, ...]
    undecided: tuple[Undecided, ...]
    """What could not be judged."""
    used: frozenset[Granted]
    """Exceptions that excused something."""
    judged: tuple[JudgedResource, ...]

    def services(self, kinds: frozenset[Kind]) -> list[str]:
        """Return the service of everything of these kinds that was looked at."""
        return [subject.container for subject in self.judged if subject.kind in kinds]


def judge(subjects: Iterable[JudgedResource], policy: ContainerPolicy, today: datetime.date) -> PolicyResult:
    """Return what `policy` says about `subjects` on `today`."""
    judged = list(subjects)
    violations: list[Violation] = []
    undecided: list[Undecided] = []
    used: list[Granted] = []
    for subject in judged:
        for check in CHECKS:
            for result in judge_rule(check, subject, policy, today):
                if isinstance(result, Violation):
                    violations.append(result)
                elif isinstance(result, Undecided):
                    undecided.append(result)
                else:
                    used.append(result)
    return PolicyResult(tuple(violations), tuple(undecided), frozenset(used), tuple(judged))


def judge_rule(
    check: RuleCheck, subject: JudgedResource, policy: ContainerPolicy, today: datetime.date
) -> Iterator[Violation | Undecided | Granted]:
    """Yield what one rule says about one thing; where it is excused, the exception."""
    says = policy.rules.named(check.id)
    if subject.kind not in check.kinds:
        return
    if subject.kind is Kind.SERVICE and says.swarm:
        yield Undecided(check.id, subject.name, f"cannot be judged: {says.swarm}")
        return
    for found in _found(check, subject, policy):
        if isinstance(found, NotJudged):
            when = " in preview" if found.why == NOT_KNOWN else ""
            yield Undecided(check.id, subject.name, f"cannot be judged{when}: {found.path} {found.why}")
            continue
        granted = [grant for grant in policy.exceptions if _covers(grant, check.id, subject, found)]
        if holding := [grant for grant in granted if today <= grant.expires <= today + LONGEST]:
            yield holding[0]
            continue
        ends = max((grant.expires for grant in granted), default=None)
        void = f"; its exception {_why_void(ends, today)}" if ends else ""
        yield Violation(check.id, subject.name, subject.container, found.path, f"{found.what}{void}", says)


def _why_void(ends: datetime.date, today: datetime.date) -> str:
    if ends < today:
        return f"expired on {ends}: renew or remove it"
    return f"expires on {ends}, and none may hold for more than two years: give it an end until {today + LONGEST}"


def _found(check: RuleCheck, subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    try:
        yield from check.check(subject, policy)
    except NotKnownError as unknown:
        yield NotJudged(unknown.path)


def _covers(grant: Granted, rule: str, subject: JudgedResource, found: Broken) -> bool:
    return (
        grant.rule == rule
        and grant.container == subject.container
        and (not grant.only or any(fnmatch.fnmatchcase(found.subject, pattern) for pattern in grant.only))
    )


def report(outcome: PolicyResult) -> Iterator[str]:
    """Yield the lines, by rule: what breaks the policy, then what could not be judged."""
    yield from report_violations(outcome)
    yield from report_undecided(outcome)


def report_violations(outcome: PolicyResult) -> Iterator[str]:
    """Yield the lines about what breaks the policy, by rule."""
    by_rule: dict[str, list[Violation]] = {}
    for violation in outcome.violations:
        by_rule.setdefault(violation.rule, []).append(violation)
    for rule, violations in by_rule.items():
        says = violations[0].says
        cis = f" (CIS {', '.join(says.cis)})" if says.cis else ""
        yield f"{rule}{cis}: {says.title}"
        yield from (f"  {violation.where} {violation.what}" for violation in violations)
        yield f"  danger: {says.danger}"
        yield f"  fix: {says.fix}"


def report_undecided(outcome: PolicyResult) -> Iterator[str]:
    """Yield a line for each rule that could not be asked, and why."""
    seen: dict[tuple[str, str], list[str]] = {}
    for undecided in outcome.undecided:
        seen.setdefault((undecided.rule, undecided.why), []).append(undecided.resource)
    for (rule, why), resources in seen.items():
        yield f"{rule}: {', '.join(resources)}: {why}"


def explain(violation: Violation) -> str:
    """Return one violation on its own; the rule's title is said by whoever shows it."""
    says = violation.says
    return f"{violation.where} {violation.what}\n  danger: {says.danger}\n  fix: {says.fix}"


def summary(outcome: PolicyResult) -> str:
    """Return the counts in one line."""
    rules = len({violation.rule for violation in outcome.violations})
    found = f"violations: {len(outcome.violations)} of {rules} rules" if rules else "no violation"
    return f"{found} in {len(outcome.services(ALL_CONTAINERS))} containers, {len(outcome.used)} exceptions used"
