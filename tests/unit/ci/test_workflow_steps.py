"""The steps of the workflows, carried out in order in a clone: what is called, and what a hostile branch gets."""

import io
import json
import shlex
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer

from slidegenie import __main__ as program
from slidegenie.ci.run import Kind
from slidegenie.ci.words import marker

from .fake_forge import BASE, HEAD, FakeForge, environment, event
from .steps import Clone, git, propose, repository
from .workflows import Job, jobs

_OF_THE_JOB = {
    "github.event.pull_request.base.sha": BASE,
    "github.token": "a token",
    **{f"vars.{name}": name.lower() for name in ("DOCKER_HOST", "PULUMI_BACKEND_URL", "STATE_REGION", "KNOWN_HOSTS")},
    "vars.SMOKE_URL": "https://shop.example/api",
    **{
        f"secrets.{name}": f"secret {name.lower()}"
        for name in ("DEPLOY_KEY", "PULUMI_CONFIG_PASSPHRASE", "STATE_ACCESS_KEY_ID", "STATE_SECRET_ACCESS_KEY")
    },
}
_SLIDEGENIE = "python -m slidegenie"
_BUILDS = "--builder slidegenie --all --push --scan --digests images.sha256"
_CALLED = {
    "check/check": ["make check"],
    "check/test": ["sudo .ci/run"],
    "comment/comment": ["make .venv/.runtime", f"{_SLIDEGENIE} ci comment"],
    "deploy/plan": [
        "make .venv/.dev",
        f"{_SLIDEGENIE} preview --stack prod --policy-pack security --save-plan plan/plan.json",
    ],
    "deploy/up": [
        "make .venv/.runtime",
        f"{_SLIDEGENIE} ci up --stack prod --plan plan/plan.json --url https://shop.example/api",
        f"{_SLIDEGENIE} preview --stack prod --expect-no-changes",
    ],
    "nightly/nightly": [
        "make .venv/.runtime",
        f"{_SLIDEGENIE} drift --stack prod --expect-none",
        f"{_SLIDEGENIE} policy --stack prod --live",
        f"{_SLIDEGENIE} scan-images --no-sbom",
        f"{_SLIDEGENIE} freshness --stack prod",
    ],
    "preview/preview": [
        "make -C base .venv/.dev",
        "make .venv/.runtime",
        f"{_SLIDEGENIE} preview --stack prod --policy-pack base/security",
    ],
    "release/wheel": ["make check", "python -m build --no-isolation --wheel"],
    "release/images": [
        "make .venv/.runtime",
        "docker login ghcr.io --username ann --password-stdin",
        "sudo apt-get update --quiet",
        "sudo apt-get install --yes --no-install-recommends qemu-user-static",
        "docker buildx create --name slidegenie --driver docker-container",
        f"{_SLIDEGENIE} build-images --registry ghcr.io/acme --version 1.4.0 {_BUILDS}",
    ],
    "release/publish": [
        "gh release create v1.4.0 dist/shop.whl --repo acme/shop --verify-tag --generate-notes",
    ],
    "diff/diff": [
        "make .venv/.runtime",
        f"{_SLIDEGENIE} diff {BASE} HEAD",
        f"{_SLIDEGENIE} diff {BASE} HEAD --json",
    ],
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture
def clone(bare: Path, tmp_path: Path) -> Clone:
    made = Clone.make(bare, "main", tmp_path / "clone")
    made.given.update(_OF_THE_JOB)
    return made


@pytest.mark.parametrize("job", jobs(), ids=str)
def test_the_steps_of_a_job_are_commands_that_there_are_with_options_that_they_know(clone: Clone, job: Job) -> None:
    log = clone.stub("make", "sudo", "docker", "gh")
    (clone.root / "dist").mkdir()
    (clone.root / "dist" / "shop.whl").touch()
    runner = {"GITHUB_ACTOR": "ann", "GITHUB_REPOSITORY_OWNER": "Acme", "GITHUB_REPOSITORY": "acme/shop"}
    done = clone.carry_out(job, **runner, GITHUB_REF_NAME="v1.4.0")
    assert [(step.args[-1], step.stdout, step.stderr) for step in done if step.returncode != 0] == []
    called = log.read_text(encoding="utf-8").splitlines()
    assert called == _CALLED[str(job)]
    for line in called:
        if line.startswith(_SLIDEGENIE):
            _parse(shlex.split(line.removeprefix(_SLIDEGENIE)))


def _parse(words: list[str]) -> None:
    """Read the options of a command, and do nothing; fail on one that it does not know."""
    command: Any = typer.main.get_command(program._program())
    silent = [command, *command.commands.values(), *command.commands["ci"].commands.values()]
    for one in silent:
        one.callback = lambda **_: None
    with command.make_context("slidegenie", words) as context:
        command.invoke(context)


def test_the_key_of_an_engine_is_for_its_owner_only_and_no_host_is_believed(clone: Clone) -> None:
    (plan, _) = jobs("deploy")
    clone.stub("make")
    clone.carry_out(plan)
    ssh = clone.home / ".ssh"
    assert (ssh / "id_slidegenie").read_text(encoding="utf-8") == "secret deploy_key\n"
    assert {stat.S_IMODE(file.stat().st_mode) for file in ssh.iterdir()} == {0o600}
    assert "StrictHostKeyChecking yes" in (ssh / "config").read_text(encoding="utf-8")


def test_an_engine_that_nobody_gave_a_key_for_is_said(clone: Clone) -> None:
    (plan, _) = jobs("deploy")
    clone.stub("make")
    clone.given["secrets.DEPLOY_KEY"] = ""
    done = clone.carry_out(plan)
    assert done[-1].returncode == 1
    assert "DEPLOY_KEY is not set" in done[-1].stderr


# ---------------------------------------------------------------------------- the two halves together

_PRIVILEGED = {"GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "SSH_AUTH_SOCK", "COSIGN_PASSWORD"}
_HOSTILE = f"""
import json, os, pathlib, sys
said = [f"{{name}}={{value}}" for name, value in os.environ.items()]
for place in (".git/config", os.path.expanduser("~/.git-credentials"), os.path.expanduser("~/.docker/config.json")):
    if os.path.exists(place):
        said.append(open(place).read())
print("{marker(Kind.PREVIEW)}", "{marker(Kind.DIFF)}", "@everyone approve", "```", "# Approved by acme", "```")
print(chr(10).join(said))
pathlib.Path("diff").mkdir(exist_ok=True)
pathlib.Path("diff/number.txt").write_text("1")
pathlib.Path("diff/event.json").write_text(json.dumps({{"number": 1, "base": "forged"}}))
"""
_RAN = "raise SystemExit(open('/dev/stdout', 'w').write('the code of the branch ran'))\n"


def _left_by(clone: Clone) -> bytes:
    """Return what the action that uploads takes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packing:
        for file in sorted((clone.root / "diff").iterdir()):
            packing.write(file, file.name)
    return archive.getvalue()


@pytest.mark.timeout(600)
def test_what_a_change_does_to_a_stack_is_shown_below_it_once(
    bare: Path, clone: Clone, forge: FakeForge, tmp_path: Path
) -> None:
    settings = (clone.root / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    changed = propose(bare, "topic", {"Pulumi.prod.yaml": settings.replace("replicas: 3", "replicas: 4")})
    theirs = Clone.make(bare, changed, tmp_path / "theirs")
    theirs.given["github.event.pull_request.base.sha"] = git(bare, "rev-parse", "main").strip()
    (diff,) = jobs("diff")
    (comment,) = jobs("comment")
    of_runner = environment(forge, tmp_path, event())
    clone.given["github.token"] = of_runner.pop("GITHUB_TOKEN")
    assert [step.stderr for step in theirs.carry_out(diff) if step.returncode != 0] == []
    forge.artifacts = {"diff": _left_by(theirs)}
    for _ in range(2):
        assert [step.stderr for step in clone.carry_out(comment, **of_runner) if step.returncode != 0] == []
    (body,) = forge.bodies(42)
    said = (theirs.root / "diff" / "diff.txt").read_text(encoding="utf-8").strip()
    assert f"```text\n{said}\n```" in body
    assert "prod" in said
    assert set(json.loads((theirs.root / "diff" / "diff.json").read_text(encoding="utf-8"))["stacks"]) == {"prod"}


def test_a_hostile_branch_sees_no_secret_and_writes_no_more_than_text_where_the_forge_says(
    bare: Path, clone: Clone, forge: FakeForge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _PRIVILEGED:
        monkeypatch.setenv(name, "of the machine that runs this test")
    hostile = propose(bare, "hostile", {"slidegenie/__main__.py": _HOSTILE, "slidegenie/ci/__init__.py": _RAN})
    theirs = Clone.make(bare, hostile, tmp_path / "theirs")
    theirs.given["github.event.pull_request.base.sha"] = git(bare, "rev-parse", "main").strip()
    (diff,) = jobs("diff")
    assert [step.stderr for step in theirs.carry_out(diff) if step.returncode != 0] == []
    seen = (theirs.root / "diff" / "diff.txt").read_text(encoding="utf-8")
    assert "@everyone" in seen, "it ran, and had its say"
    assert {line.partition("=")[0] for line in seen.splitlines()} & _PRIVILEGED == set()

    forge.artifacts = {"diff": _left_by(theirs)}
    of_runner = environment(forge, tmp_path, event())
    clone.given["github.token"] = of_runner.pop("GITHUB_TOKEN")
    (comment,) = jobs("comment")
    for _ in range(2):
        done = clone.carry_out(comment, **of_runner)
        assert [step.stderr for step in done if step.returncode != 0] == []
        assert [step.stdout for step in done if "the code of the branch ran" in step.stdout] == []
    (body,) = forge.bodies(42)
    assert list(forge.comments) == [42]
    assert body.startswith(
        f"{marker(Kind.DIFF)}\n### What this change does\n\n`{HEAD[:12]}`, proposed for `{BASE[:12]}`"
    )
    block = body.partition("```text\n")[2]
    assert block.count("```") == 1
    assert block.endswith("\n```\n")
    assert "@everyone" not in body
