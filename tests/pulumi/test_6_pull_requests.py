"""What workflows do with Pulumi: a plan that was approved, the policy of the base branch, and the way back."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from pytest_httpserver import HTTPServer

from ..support.workspace import ROOT, Result, Workspace
from ..unit.ci.steps import Clone, propose, repository
from ..unit.ci.workflows import jobs
from .conftest import missing

pytestmark = pytest.mark.pulumi

_STACK = "pulls"
_PROGRAM = """
import pulumi, pulumi_random

pulumi_random.RandomPet("pet", length=LENGTH)
pulumi.export("api", "https://shop.example/api")
"""
_BY_HAND = """
import pulumi_docker

pulumi_docker.Container("by-hand", image="slidegenie-airgap/debian:bookworm-slim", privileged=True)
"""


@dataclass(frozen=True)
class Program:
    """A program of a few lines with a state of its own; it has nothing on an engine."""

    root: Path

    def write(self, text: str, **policy: str) -> None:
        """Write the program, and how strictly its stack says that it is judged."""
        (self.root / "__main__.py").write_text(text, encoding="utf-8")
        settings = {"config": {"slidegenie:policy": policy}}
        (self.root / f"Pulumi.{_STACK}.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def run(self, command: str, *options: str) -> Result:
        """Run one of the project's commands on it."""
        home = {"SLIDEGENIE_HOME": str(self.root / "home"), "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-m", "slidegenie", *command.split(), "--stack", _STACK, "--engine", "pulumi"]
        done = subprocess.run(
            [*words, *options], cwd=self.root, env=os.environ | home, capture_output=True, text=True, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    if reason := missing():
        pytest.skip(reason)
    described = {"name": "slidegenie", "runtime": {"name": "python", "options": {"virtualenv": ".venv"}}}
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    made = Program(tmp_path)
    made.write(_PROGRAM.replace("LENGTH", "2"))
    return made


def test_what_was_planned_is_done_and_afterwards_there_is_nothing_to_do(program: Program) -> None:
    before = program.run("preview", "--save-plan", "plan.json", "--expect-no-changes")
    assert before.code == 1
    assert "+ 2 to create" in before.err, "it says what it did not expect"
    assert program.run("preview", "--save-plan", "plan.json").code == 0
    done = program.run("up", "--plan", "plan.json")
    assert done.code == 0, done.text
    after = program.run("preview", "--expect-no-changes")
    assert after.code == 0, after.text


def test_what_exceeds_the_plan_that_was_approved_is_not_done(program: Program) -> None:
    assert program.run("preview", "--save-plan", "plan.json").code == 0
    program.write(_PROGRAM.replace("LENGTH", "2") + 'pulumi_random.RandomPet("unseen", length=2)\n')
    refused = program.run("up", "--plan", "plan.json")
    assert refused.code == 1
    assert "create is not allowed by the plan" in refused.err
    assert "RandomPet::unseen]" in program.run("preview").out, "it is still to be made"


def test_a_change_that_turns_the_policy_off_is_judged_by_that_of_the_base(program: Program) -> None:
    program.write(_PROGRAM.replace("LENGTH", "2") + _BY_HAND, enforcement="disabled")
    base = program.root / "base"
    shutil.copytree(ROOT / "security", base / "security")
    for name in ("components", "slidegenie", "docker", "monitoring", "Pulumi.yaml"):
        (base / name).symlink_to(ROOT / name)
    (base / ".venv").symlink_to(sys.prefix)
    strict = {"config": {"slidegenie:policy": {"enforcement": "mandatory"}}}
    (base / f"Pulumi.{_STACK}.yaml").write_text(yaml.safe_dump(strict), encoding="utf-8")

    refused = program.run("preview", "--policy-pack", "base/security")
    assert refused.code == 1
    assert "[mandatory]" in refused.err
    assert "privileged" in refused.err

    (base / f"Pulumi.{_STACK}.yaml").unlink()
    assert program.run("preview", "--policy-pack", "base/security").code == 0, "without it, the change says itself"


# ---------------------------------------------------------------------------- the workflow


@pytest.fixture
def deployed(tmp_path: Path, httpserver: HTTPServer) -> Clone:
    """Return a clone of this repository, with a program of a few lines, and what the environment `production` has."""
    if reason := missing():
        pytest.skip(reason)
    bare = repository(tmp_path)
    settings = {"Pulumi.prod.yaml": "config:\n  slidegenie:policy: {enforcement: mandatory}\n"}
    commit = propose(bare, "topic", {"__main__.py": _PROGRAM.replace("LENGTH", "2"), **settings})
    clone = Clone.make(bare, commit, tmp_path / "clone")
    clone.given.update(
        {
            "vars.DOCKER_HOST": os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"),
            "vars.PULUMI_BACKEND_URL": tmp_path.as_uri(),
            "vars.STATE_REGION": "nowhere",
            "vars.KNOWN_HOSTS": "shop.example ssh-ed25519 AAAA",
            "vars.SMOKE_URL": httpserver.url_for("/api"),
            **{f"secrets.{name}": "given" for name in ("DEPLOY_KEY", "STATE_ACCESS_KEY_ID", "STATE_SECRET_ACCESS_KEY")},
            "secrets.PULUMI_CONFIG_PASSPHRASE": "a passphrase",
        }
    )
    return clone


_OF_THIS_MACHINE = {
    "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
    "PULUMI_HOME": os.environ.get("PULUMI_HOME", str(Path.home() / ".pulumi")),
}


def test_the_steps_of_a_deployment_plan_bring_up_look_and_find_nothing_left_to_do(
    deployed: Clone, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/api").respond_with_data("fine")
    for job in jobs("deploy"):
        for step in deployed.carry_out(job, **_OF_THIS_MACHINE):
            assert step.returncode == 0, step.args[-1] + step.stdout + step.stderr
    assert "to create" in (deployed.root / "plan" / "plan.txt").read_text(encoding="utf-8")
    assert len(httpserver.log) == 1


def test_one_that_rolls_nothing_out_and_does_not_answer_fails_and_goes_nowhere(deployed: Clone) -> None:
    deployed.given["vars.SMOKE_URL"] = "http://127.0.0.1:1/api"
    plan, up = jobs("deploy")
    deployed.carry_out(plan, **_OF_THIS_MACHINE)
    *_, last = deployed.carry_out(up, **_OF_THIS_MACHINE)
    assert last.returncode == 1
    assert "smoke check: http://127.0.0.1:1/api does not answer" in last.stderr
    assert "rollback" not in last.stderr


# ---------------------------------------------------------------------------- back by itself


def test_a_release_that_does_not_answer_goes_back_by_itself(platform: Workspace) -> None:
    good = {container["Image"] for container in platform.containers("app")}
    platform.configure("backend", release="9.9.9")
    failed = platform.run("ci up", "--url", "http://127.0.0.1:1/api")
    platform.configure("backend", release=None)
    assert failed.code == 1
    assert "smoke check: http://127.0.0.1:1/api does not answer" in failed.err
    assert "serves the release of before; this one failed" in failed.err
    assert {container["Image"] for container in platform.containers("app")} == good
