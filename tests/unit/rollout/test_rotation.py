"""`make rotate`: what it lists, what it makes anew, and what it leaves to others."""

import datetime
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from slidegenie.console import Problem
from slidegenie.plan import Plan, StackProgram
from slidegenie.pulumi.state import StackState
from slidegenie.rollout import rotation
from slidegenie.rollout.rotation import ROTATABLE, Rotation

from ..planned import PASSWORD

if TYPE_CHECKING:
    from slidegenie.pulumi.stack import PulumiStack

_RANDOM = "random:index/"


def secret(name: str, days: int = 0, **more: Any) -> dict[str, Any]:
    made = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
    return {"urn": f"urn:x::{name}", "type": PASSWORD, "created": made.isoformat()} | more


class Stack:
    """Stands in for a stack that Pulumi runs, and notes what was done to it."""

    name, label = "test", "slidegenie/test"

    def __init__(self, *resources: dict[str, Any]) -> None:
        self.resources = resources
        self.unprotected: list[str] = []

    def state(self) -> StackState:
        return StackState(tuple(self.resources))

    def unprotect(self, urn: str) -> None:
        self.unprotected.append(urn)


@pytest.fixture
def rollouts(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return what each rollout made anew."""
    made: list[list[str]] = []

    def roll_out(_stack: object, anew: Sequence[str]) -> int:
        made.append(list(anew))
        return 1

    monkeypatch.setattr(rotation, "roll_out", roll_out)
    return made


def of(*resources: dict[str, Any], **sections: Any) -> tuple[Rotation, Stack]:
    stack = Stack(*resources)
    return Rotation(cast("PulumiStack", stack), program(**sections), lambda: None), stack


def program(**sections: Any) -> StackProgram:
    """Return a program whose stack file has these sections."""
    configuration = {f"slidegenie:{name}": values for name, values in sections.items()}
    return StackProgram(Path(), "slidegenie", "test", configuration)


def test_what_can_be_rotated_is_there(plans: dict[str, Plan]) -> None:
    """A name that no resource has any more would be a command that finds nothing."""
    names = {resource.name for resource in plans["prod"].resources if resource.type.startswith(_RANDOM)}
    for secret_name, rotatable in ROTATABLE.items():
        for step in rotatable.steps:
            for end in step:
                found = [name for name in names if name.endswith(f"-{end}")]
                assert len(found) == 1, (secret_name, end, found)


def test_every_generated_secret_can_be_rotated(plan: Plan) -> None:
    ends = tuple(f"-{end}" for rotatable in ROTATABLE.values() for step in rotatable.steps for end in step)
    ends += ("-app-token-default",)
    # A key for hashes in labels: it opens nothing.
    assert [p.name for p in plan.of_type(PASSWORD) if not p.name.endswith(ends)] == ["slidegenie-hash-key"]


def test_the_list_says_how_old_each_one_is_and_leaves_out_what_the_stack_has_not() -> None:
    subject, _ = of(secret("slidegenie-postgres-login-password", days=40), secret("slidegenie-redis-password"))

    lines = list(subject.listed())

    assert [line.split()[:2] for line in lines[1:-1]] == [["postgres", "40"], ["redis", "0"]]
    assert "make rotate SECRET=" in lines[-1]


def test_the_oldest_part_counts() -> None:
    subject, _ = of(secret("slidegenie-postgres-administrator", days=3), secret("slidegenie-postgres-deputy", days=9))

    assert [line.split()[1] for line in subject.listed() if line.startswith("postgres-administrator")] == ["9"]


def test_one_secret_is_one_rollout_that_makes_it_anew(rollouts: list[list[str]]) -> None:
    subject, stack = of(secret("slidegenie-postgres-login-password"), secret("slidegenie-redis-password"))

    subject.rotate("postgres")

    assert rollouts == [["urn:x::slidegenie-postgres-login-password"]]
    assert stack.unprotected == ["urn:x::slidegenie-postgres-login-password"], "the next rollout protects it again"


def test_administrator_and_deputy_never_change_at_once(rollouts: list[list[str]]) -> None:
    """Each is needed to give the other its new password, so first of all both must have arrived."""
    subject, _ = of(secret("slidegenie-redis-administrator"), secret("slidegenie-redis-deputy"))

    subject.rotate("redis-administrator")

    assert rollouts == [[], ["urn:x::slidegenie-redis-administrator"], ["urn:x::slidegenie-redis-deputy"]]


def test_the_repository_is_told_after_each_step_and_before_the_first(
    rollouts: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    def docker(*args: str, **_options: Any) -> subprocess.CompletedProcess[str]:
        assert args[-1] == "admit", "the list of snapshots only reads, and would leave the password outside"
        told.append(len(rollouts))
        return subprocess.CompletedProcess(args, int(len(told) == 2), "", "==> admit failed: locked\n")

    monkeypatch.setattr(rotation, "docker", docker)
    monkeypatch.setattr(rotation, "containers", lambda *_: [{"Id": "backup"}])
    subject, _ = of(secret("slidegenie-backup-password"), secret("slidegenie-backup-deputy"))
    with pytest.raises(Problem, match="the repository did not take its new password: ==> admit failed: locked"):
        subject.rotate("backup")
    assert (told, len(rollouts)) == ([1, 2], 2), "the deputy stays as it was: it is what opens"

    monkeypatch.setattr(rotation, "containers", lambda *_: [])
    with pytest.raises(Problem, match="no container backup runs"):
        subject.rotate("backup")


def test_a_token_is_remembered_before_it_is_made_anew_and_only_then_ends_the_one_before(
    rollouts: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    app = "slidegenie-app-token"
    subject, stack = of(
        *(secret(f"{app}-{name}", days=3) for name in ("site", "my-site")),
        *({"urn": f"urn:x::{app}-{name}-former", "type": "random"} for name in ("site", "my-site")),
    )

    subject.rotate("token-site")

    assert rollouts == [[], [f"urn:x::{app}-site-former"], [f"urn:x::{app}-site"]]
    assert "`make rotate SECRET=token-site-former` ends the old one" in capsys.readouterr().out
    assert [line.split()[0] for line in subject.listed()][1:-1] == ["token-site", "token-my-site"]

    stack.resources[2]["created"] = "2026-01-01T00:00:00+00:00"
    subject.rotate("token-site-former")

    assert rollouts[3:] == [[f"urn:x::{app}-site-former"]]


@pytest.mark.parametrize(
    ("name", "sections", "said"),
    [
        ("postgress", {}, "SECRET must be one of postgres, redis, storage"),
        ("grafana", {}, "stack test has no secret grafana: `make rotate` lists what it has"),
        (
            "redis",
            {"secrets": {"redisPassword": "x"}},
            ("it is given (secrets.redisPassword). Set a new one in Pulumi.test.yaml (docs/operations.md has"),
        ),
        (
            "storage",
            {"storage": {"external": {"endpoint": "https://s3"}}},
            "storage.external names a store that somebody else runs",
        ),
        ("postgres-administrator", {"postgres": {"external": {"host": "db"}}}, "somebody else runs"),
        ("certificate", {"proxy": {"tls": "acme"}}, "To have a new one at once, remove acme.json (docs/edge.md, ACME)"),
        ("authority", {"proxy": {"tls": "acme"}}, "it is issued by the authority of proxy.acme and renewed by itself"),
        (
            "certificate",
            {"proxy": {"tls": "files"}, "secrets": {"tlsKey": "x"}},
            "Set both in Pulumi.test.yaml (docs/operations.md has the command), then `make up`",
        ),
    ],
)
def test_what_cannot_be_rotated_says_what_to_do(
    name: str, sections: dict[str, Any], said: str, rollouts: list[list[str]]
) -> None:
    subject, stack = of(secret("slidegenie-redis-password"), **sections)

    with pytest.raises(Problem) as refused:
        subject.rotate(name)

    assert said in str(refused.value)
    assert (rollouts, stack.unprotected) == ([], [])


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("redis", "redis-password", "redis is rotated; the old one is not valid any more"),
        ("certificate", "traefik-certificate-key", "Who trusts the local authority believes the old one"),
        ("authority", "traefik-certificate-authority", "Who trusts the old authority believes what it signed"),
    ],
)
def test_a_rotation_ends_with_what_became_of_the_old_secret(
    name: str, made: str, said: str, rollouts: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    subject, _ = of(secret(f"slidegenie-{made}"), proxy={"tls": "local"})

    subject.rotate(name)

    last = capsys.readouterr().out.splitlines()[-1]
    assert said in last
    assert len(rollouts) == 1
    assert ("not valid any more" in last) is (name == "redis")


def certificate(*shown: str | None) -> Rotation:
    """Return what rotates the certificate of an edge that shows these, one after the other, the last one for good."""
    left = list(shown)
    stack = cast("PulumiStack", Stack(secret("slidegenie-traefik-certificate-key")))
    return Rotation(stack, program(proxy={"tls": "local"}), lambda: left.pop(0) if len(left) > 1 else left[0])


@pytest.mark.usefixtures("rollouts")
def test_a_certificate_is_rotated_once_the_edge_was_seen_to_show_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rotation, "_PAUSE_SECONDS", 0)
    certificate("old", "old", "old", "new").rotate("certificate")
    assert "==> the edge shows the new one" in capsys.readouterr().out

    monkeypatch.setattr(rotation, "_PATIENCE_SECONDS", 0)
    with pytest.raises(Problem, match=r"^the new certificate is made, and the edge shows the old one still"):
        certificate("old").rotate("certificate")
    assert "is rotated" not in capsys.readouterr().out

    certificate(None).rotate("certificate")
    assert "the edge cannot be asked from here: nobody saw what it shows" in capsys.readouterr().out


@pytest.mark.usefixtures("rollouts")
def test_a_given_secret_is_listed_as_such() -> None:
    subject, _ = of(secrets={"redisPassword": "x"})

    assert [line.split()[:2] for line in subject.listed() if line.startswith("redis ")] == [["redis", "given"]]


def test_a_rotation_that_was_killed_is_run_again(rollouts: list[list[str]]) -> None:
    """It left containers that wait to be deleted, which a refresh would refuse."""
    left = {"urn": "urn:x::app", "type": "docker:index/container:Container", "delete": True}
    subject, _ = of(secret("slidegenie-redis-password"), left)

    subject.rotate("redis")

    assert rollouts == [["urn:x::slidegenie-redis-password"]]
