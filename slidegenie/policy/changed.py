"""What the container policy says of one plan and not of the other."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.core.policy import ContainerPolicy, load_policy, parse
from components.settings import PolicySettings

from ..changes.summary import PolicyChange
from ..plan import Plan
from .subjects import judge_plan

_FILE = "security/container-security.yml"


def policy_of(root: Path, section: dict[str, Any], file: str) -> ContainerPolicy:
    """Return the policy of the program in `root`, whose stack file says `section`.

    Raises:
        SettingsError: when it cannot be read.
    """
    settings = parse(PolicySettings, section, file)
    if settings.file is None and (root / _FILE).is_file():
        settings = settings.model_copy(update={"file": _FILE})
    return load_policy(settings, root)


def policy_change(
    before: tuple[Plan, ContainerPolicy], after: tuple[Plan, ContainerPolicy], today: datetime.date
) -> PolicyChange:
    """Return what is found of `after` and was not of `before`, and what is not any more.

    Of `after` by both policies: who weakens the policy cannot hide by that what it finds.
    """
    old = set(_found(*before, today))
    new = set(_found(after[0], before[1], today)) | set(_found(*after, today))
    return PolicyChange(
        new=tuple(sorted(new - old)), gone=tuple(sorted(old - new)), notes=tuple(_notes(before[1], after[1]))
    )


def _found(plan: Plan, policy: ContainerPolicy, today: datetime.date) -> Iterator[str]:
    for violation in judge_plan(plan, policy, today).violations:
        yield f"{violation.rule}: {violation.where} {violation.what}"


def _notes(before: ContainerPolicy, after: ContainerPolicy) -> Iterator[str]:
    if before == after:
        return
    yield "the policy itself changes; what it finds is said by the one of before and by the new one"
    old, new = ({f"{grant.rule} for {grant.container}" for grant in policy.exceptions} for policy in (before, after))
    if old - new:
        yield f"exceptions that go: {', '.join(sorted(old - new))}"
    if new - old:
        yield f"new exceptions: {', '.join(sorted(new - old))}"
    for part in ("hardening", "rules"):
        was, is_ = (getattr(policy, part).model_dump(mode="json") for policy in (before, after))
        if changed := sorted(key for key in was.keys() | is_.keys() if was.get(key) != is_.get(key)):
            yield f"{part} that change: {', '.join(changed)}"
