"""A verdict in lines for people: what is wrong, why it is dangerous, how to fix it; never a value."""

from collections.abc import Iterator

from .judge import PolicyResult, Violation
from .rule import ALL_CONTAINERS


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
