"""`make policy`, and what `make up` does with the verdict before it changes anything."""

import datetime
import shutil
from pathlib import Path

import pytest
import yaml

from slidegenie.__main__ import main
from slidegenie.commands import stack as commands
from slidegenie.console import Problem
from slidegenie.plan import StackProgram
from slidegenie.policy.enforcement import enforce, judge_stack

from ..plans import ROOT

PROGRAM = """
import pulumi_docker as docker

docker.Container("theirs", image="nginx", envs=["DB_PASSWORD=hunter2"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of another team, with one bad container and no word about the policy."""
    (tmp_path / "Pulumi.yaml").write_text("name: theirs\nruntime: python\n", encoding="utf-8")
    (tmp_path / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    configure(tmp_path)
    return tmp_path


def configure(project: Path, **policy: str) -> None:
    config = {"theirs:policy": policy} if policy else {}
    (project / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")


def judge(project: Path) -> None:
    program = StackProgram.read(project, "dev")
    judge_stack(program, program.plan(), live=False)


def before_a_rollout(project: Path) -> None:
    program = StackProgram.read(project, "dev")
    enforce(program, program.plan())


def test_an_advisory_policy_says_everything_and_stops_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judge(project)

    out = capsys.readouterr().out
    assert "user (CIS 4.1): a container runs as a numeric user and group that are not root\n" in out
    assert "  theirs: user is not set, so the image decides, and most images say root\n  danger: root in" in out
    assert '  theirs: envs["DB_PASSWORD"] is a secret by its name\n' in out
    assert "hunter2" not in out
    assert out.endswith(
        "==> policy, plan of stack dev: violations: 13 of 13 rules in 1 containers, 0 exceptions used\n"
    )


def test_a_mandatory_policy_fails(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(project, enforcement="mandatory")

    with pytest.raises(Problem, match=r"violations: 13 of 13 rules .*; it is mandatory here \(policy.enforcement\)$"):
        judge(project)
    assert "readOnlyRoot (CIS 5.13)" in capsys.readouterr().out


def test_a_rollout_is_refused_before_anything_is_changed(project: Path) -> None:
    configure(project, enforcement="mandatory")

    with pytest.raises(Problem) as raised:
        before_a_rollout(project)
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("stack dev breaks the container policy, nothing was changed: violations: 13 of 13 rules")
    assert "  fix: read_only=True, and a volume or tmpfs for each folder it really writes to" in lines
    assert lines[-1] == "docs/policy.md tells how to write an exception"


def test_an_advisory_rollout_is_told_and_goes_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before_a_rollout(project)

    said = capsys.readouterr()
    assert "==> readOnlyRoot (CIS 5.13): a container cannot change its own files\n" in said.err
    assert said.out.startswith("==> the container policy is advisory in stack dev and stops nothing: violations: 13")


UNKNOWN_PATH = """
import pulumi
import pulumi_docker as docker
import pulumi_random as random

docker.Volume("theirs", driver_opts={"type": "none", "o": "bind", "device": random.RandomPet("pet").id})
"""


@pytest.mark.parametrize("enforcement", ["advisory", "mandatory"])
def test_a_rollout_says_what_could_not_be_judged(
    project: Path, enforcement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "__main__.py").write_text(UNKNOWN_PATH, encoding="utf-8")
    configure(project, enforcement=enforcement)

    before_a_rollout(project)

    assert (
        "==> hostMounts: theirs: cannot be judged in preview: driverOpts.device is not known before the update\n"
        in capsys.readouterr().err
    )


def test_a_registry_of_ones_own_is_named_in_the_settings(project: Path) -> None:
    (project / "__main__.py").write_text(
        'import pulumi_docker as docker\ndocker.RemoteImage("theirs", name="mirror.example.com/hub/nginx:1")\n',
        encoding="utf-8",
    )
    config: dict[str, object] = {"enforcement": "mandatory"}
    settings = project / "Pulumi.dev.yaml"
    settings.write_text(yaml.safe_dump({"config": {"theirs:policy": config}}), encoding="utf-8")
    with pytest.raises(Problem, match="is not from a listed registry"):
        before_a_rollout(project)

    config["registries"] = ["mirror.example.com/hub"]
    settings.write_text(yaml.safe_dump({"config": {"theirs:policy": config}}), encoding="utf-8")
    before_a_rollout(project)


def test_a_disabled_policy_is_silent_before_a_rollout(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(project, enforcement="disabled")
    before_a_rollout(project)

    assert capsys.readouterr() == ("", "")


def test_exceptions_of_ones_own_count(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(project, enforcement="mandatory", exceptions="ours.yml")
    rules = (
        "user capabilities noNewPrivileges memory cpu pids logs restart healthCheck readOnlyRoot network imagePinned"
        " secrets"
    )
    in_a_year = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=365)
    grants = [
        {"container": "theirs", "rule": rule, "reason": "a test of the exceptions file", "expires": in_a_year}
        for rule in rules.split()
    ]
    (project / "ours.yml").write_text(yaml.safe_dump({"exceptions": grants}), encoding="utf-8")

    judge(project)

    assert "policy, plan of stack dev: no violation in 1 containers, 13 exceptions used" in capsys.readouterr().out


def test_a_mistake_in_the_exceptions_is_one_line(project: Path) -> None:
    configure(project, exceptions="none.yml")

    with pytest.raises(Exception, match=r"none\.yml: cannot be read \(No such file or directory\); see policy"):
        before_a_rollout(project)


def test_make_up_judges_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The engine is asked nothing, not even whether it is there."""
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy2(ROOT / name, tmp_path)
    config = {
        "slidegenie:policy": {"enforcement": "mandatory"},
        "slidegenie:images": {"mirror": "mirror.example.com"},
    }
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "ensure_engine", lambda: pytest.fail("the engine was asked"))

    assert main(["up", "--stack", "dev"]) == 1

    said = capsys.readouterr().err
    assert "==> stack dev breaks the container policy, nothing was changed: violations: " in said
    assert "is not from a listed registry, and the program does not build it" in said
    assert "mirror.example.com" not in said
