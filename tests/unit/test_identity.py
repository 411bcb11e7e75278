"""Names that are made of the stack's: Compose and DNS take them, and no two stacks share one."""

import pytest

from components import SettingsError
from components.core.labels import compose_project, host_name
from slidegenie.plan import record

LONGEST = "s" * (49 - len("slidegenie-"))
_RULE = (
    "the stack's name: must be lower-case letters, digits, - and _, at most 49 characters with the project's in front;"
)


def named(stack: str, project: str = "slidegenie") -> list[str]:
    found: list[str] = []
    record(lambda: found.extend([compose_project(), host_name("restore-drill")]), project=project, stack=stack)
    return found


@pytest.mark.parametrize("stack", ["dev", "team-a", "team_a", "2", LONGEST])
def test_a_name_that_compose_takes_is_used_as_it_is(stack: str) -> None:
    project, host = named(stack)

    assert project == f"slidegenie-{stack}"
    assert host == f"{project}-restore-drill"
    assert len(host) <= 63


@pytest.mark.parametrize("stack", ["a.b", "Dev", f"{LONGEST}s", "s" * 61])
def test_a_name_that_it_would_not_take_is_refused_in_one_line(stack: str) -> None:
    """Spelt in another way, two stacks could have one name, and one would work on the data of the other."""
    with pytest.raises(SettingsError) as caught:
        named(stack)

    name = f"slidegenie-{stack}"
    assert str(caught.value) == (
        f"Pulumi.{stack}.yaml: {_RULE} got {name!r} ({len(name)}), rename the file and the stack"
    )


def test_the_name_of_the_project_counts_too() -> None:
    with pytest.raises(SettingsError, match=r"got 'My.Project-dev' \(14\)"):
        named("dev", project="My.Project")
