"""What each workflow may, and whose code it runs: read from the files themselves."""

import fnmatch
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slidegenie.ci.run import Kind

from ..plans import ROOT
from .workflows import FOLDER, GITLAB, Job, jobs, read

JOBS = jobs()
STEPS = [(job, step) for job in JOBS for step in job.steps]
_WRITES = {
    "comment/comment": {"contents": "read", "actions": "read", "pull-requests": "write"},
    "release/images": {"contents": "read", "packages": "write", "id-token": "write", "attestations": "write"},
    "release/publish": {"contents": "write", "id-token": "write", "attestations": "write"},
}
"""All that may do more than read the repository."""
_ENVIRONMENTS = {
    "preview/preview": "preview",
    "deploy/plan": "production-plan",
    "deploy/up": "production",
    "nightly/nightly": "production-plan",
    "release/images": "release",
    "release/publish": "release",
}
"""Who has secrets, or a token that makes things: each behind rules of an environment."""


def test_there_are_workflows_for_the_whole_way() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == {
        *("check", "diff", "comment", "preview", "deploy", "nightly", "release"),
    }
    assert [str(job) for job in JOBS if job.workflow["name"] != job.file.stem] == []


# ---------------------------------------------------------------------------- what each may


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_a_job_has_the_permissions_it_needs_and_no_other(job: Job) -> None:
    assert job.workflow["permissions"] == {}
    assert job.job["permissions"] == _WRITES.get(str(job), {"contents": "read"})
    assert job.job.get("environment") == _ENVIRONMENTS.get(str(job))
    if "secrets." in job.text:
        assert str(job) in _ENVIRONMENTS


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_a_job_ends_and_begins_on_a_machine_that_is_named(job: Job) -> None:
    assert job.job["timeout-minutes"] <= 240
    assert re.fullmatch(r"ubuntu-\d\d\.04", job.job["runs-on"])


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.stem)
def test_a_workflow_waits_for_its_own_kind_and_a_pipe_that_breaks_is_seen(file: Path) -> None:
    workflow = read(file)
    # Whatever is about a stack waits for what is about the same one; what is about a change, for the change.
    assert re.match(r"[a-z]+-(prod|\$\{\{)", workflow["concurrency"]["group"])
    # What changes anything is never cut short.
    cancels = workflow["concurrency"]["cancel-in-progress"]
    assert cancels == (file.stem in ("check", "diff", "preview"))
    assert workflow["defaults"]["run"]["shell"] == "bash", "with this word GitHub sets pipefail"


def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it_one_for_all() -> None:
    pins: dict[str, set[str]] = {}
    for file in FOLDER.iterdir():
        for line in re.findall(r"uses: (.*)", file.read_text(encoding="utf-8")):
            found = re.fullmatch(r"(actions/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", line)
            assert found, f"{file.name}: {line}"
            pins.setdefault(found[1], set()).add(f"{found[2]} {found[3]}")
    assert [name for name, versions in pins.items() if len(versions) > 1] == []
    assert "actions/checkout" in pins


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_no_job_leaves_its_token_for_what_runs_later(job: Job) -> None:
    for step in job.steps:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_nothing_is_cached_where_somebody_else_could_have_put_it() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in FOLDER.iterdir())
    assert [word for word in ("actions/cache", "cache:", "cache-from", "setup-") if word in text] == []


def test_nothing_that_somebody_else_says_becomes_part_of_a_program() -> None:
    """`${{ }}` is put into the text of a step before a shell reads it: a title of a pull request would be a command."""
    assert [f"{job}: {step['run']}" for job, step in STEPS if "${{" in step.get("run", "")] == []


# ---------------------------------------------------------------------------- whose code runs


def test_no_workflow_gives_a_fork_what_the_repository_has() -> None:
    assert [str(job) for job in JOBS if "pull_request_target" in job.triggers] == []


@pytest.mark.parametrize("job", [job for job in JOBS if job.runs_code_of_a_change], ids=str)
def test_the_code_of_a_change_meets_no_secret_and_no_token_that_writes(job: Job) -> None:
    assert job.job["permissions"] == {"contents": "read"}
    if not job.members_only:
        assert "environment" not in job.job
        assert [word for word in ("secrets.", "github.token", "GITHUB_TOKEN", "vars.") if word in job.text] == []


def test_of_a_stack_only_changes_of_members_hear_and_the_policy_is_that_of_the_base() -> None:
    (job,) = jobs("preview")
    assert job.members_only
    checkouts = [step["with"] for step in job.steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [(c.get("ref"), c.get("path")) for c in checkouts] == [
        (None, None),
        ("${{ github.event.pull_request.base.sha }}", "base"),
    ]
    (preview,) = [step["run"] for step in job.steps if "slidegenie preview" in step.get("run", "")]
    assert "--policy-pack base/security" in preview


def test_the_half_that_writes_runs_the_default_branch_and_reads_a_run_as_an_event_only() -> None:
    (job,) = jobs("comment")
    assert job.workflow["on"] == {"workflow_run": {"workflows": [kind.value for kind in Kind], "types": ["completed"]}}
    # Without a reference it is the default branch here, and no action unpacks what a change has made.
    checkout, *rest = job.steps
    assert checkout["with"] == {"persist-credentials": False}
    assert [step for step in rest if "uses" in step] == []
    # What is the branch's own: only in a name by which runs wait for each other.
    assert "github.event.workflow_run.head" not in job.text
    assert {step["run"] for step in rest} == {"make .venv/.runtime", ".venv/bin/python -m slidegenie ci comment"}


def test_what_the_halves_call_a_text_is_the_same() -> None:
    for kind in Kind:
        (job,) = jobs(kind.value)
        (upload,) = [step["with"] for step in job.steps if step.get("uses", "").startswith("actions/upload-artifact@")]
        assert (upload["name"], upload["path"]) == (kind.value, kind.value)
        assert any(f"{kind}/{kind}.txt" in step.get("run", "") for step in job.steps)


def test_production_changes_from_the_main_branch_only_and_by_the_plan_that_was_approved() -> None:
    plan, up = jobs("deploy")
    assert plan.workflow["on"] == {"push": {"branches": ["main"]}}
    assert up.job["needs"] == "plan"
    saved = [step["run"] for step in plan.steps if "--save-plan plan/plan.json" in step.get("run", "")]
    done = [step["run"] for step in up.steps if "ci up" in step.get("run", "")]
    assert len(saved) == 1
    assert "--policy-pack security" in saved[0]
    assert len(done) == 1
    assert "--plan plan/plan.json" in done[0]


# ---------------------------------------------------------------------------- owners


def test_every_line_of_the_owners_is_about_files_that_are_there() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    files = listed.stdout.splitlines()
    owners = (ROOT / ".github" / "CODEOWNERS").read_text(encoding="utf-8")
    owned = re.findall(r"^(/\S+) +(?:@\S+ ?)+$", owners, re.MULTILINE)
    assert [pattern for pattern in owned if not _owned_by(pattern, files)] == []
    guards = ["security/container-security.yml", ".github/workflows/comment.yml", ".github/CODEOWNERS", ".ci/run"]
    guards += ["Pulumi.prod.yaml", "slidegenie/policy/pack.py", "slidegenie/ci/words.py", "requirements.txt"]
    assert [file for file in guards if not any(_owned_by(pattern, [file]) for pattern in owned)] == []


def _owned_by(pattern: str, files: list[str]) -> list[str]:
    wanted = pattern.removeprefix("/")
    return fnmatch.filter(files, f"{wanted}*" if wanted.endswith("/") else wanted)


# ---------------------------------------------------------------------------- their own checkers


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not on PATH")
def test_actionlint_finds_nothing() -> None:
    """It is a Go program, and no package of Python has it in itself; zizmor is a step of `make check`."""
    shellcheck = ROOT / ".venv" / "bin" / "shellcheck"
    command = ["actionlint", "-shellcheck", str(shellcheck), *map(str, sorted(FOLDER.iterdir()))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-workflows", sorted(FOLDER.iterdir())), ("vendor.gitlab-ci", [GITLAB])],
    ids=["GitHub", "GitLab"],
)
def test_the_forges_own_schema_accepts_the_files(schema: str, files: list[Path]) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# ---------------------------------------------------------------------------- the same for GitLab


def test_gitlabs_jobs_run_the_same_commands() -> None:
    text = GITLAB.read_text(encoding="utf-8")
    for command in ("diff", "preview", "ci up", "drift", "policy", "scan-images", "freshness", "build-images"):
        assert f"slidegenie {command}" in text
