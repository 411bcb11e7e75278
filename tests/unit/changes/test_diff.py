"""`slidegenie diff`: two revisions of a program, each planned by its own code."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from slidegenie.__main__ import main
from slidegenie.changes.checkout import in_context

from ..plans import ROOT

_LIBRARY = """\
import pulumi
import pulumi_docker as docker

LABELS = {
    "io.slidegenie.stack": "shop/test", "io.slidegenie.role": "server", "com.docker.compose.service": "web",
    "com.docker.compose.project": "shop-test", "io.slidegenie.pids-limit": "32",
}


def web(memory=64, **changes):
    docker.Container(
        "web-1", image="web:1", memory=memory, cpus="0.5", log_driver="local", wait=True,
        healthcheck=docker.ContainerHealthcheckArgs(tests=["CMD", "true"]),
        labels=[docker.ContainerLabelArgs(label=key, value=value) for key, value in LABELS.items()],
        opts=pulumi.ResourceOptions(delete_before_replace=False), **changes,
    )
"""
_PROGRAM = """\
import library
import pulumi

config = pulumi.Config("shop")
library.web(envs=[f"SHOWN={config.get('shown')}"])
"""
_CIPHERS = ("v1:AAAAAAAAAAAAAAAA:one", "v1:BBBBBBBBBBBBBBBB:two")


def _git(folder: Path, *args: str) -> None:
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *args], cwd=folder, check=True, capture_output=True)  # noqa: S607


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository whose branch `main` has a program in the folder `infra`, which is where commands run."""
    top = tmp_path / "checkout"
    program = top / "infra"
    program.mkdir(parents=True)
    (program / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (program / "Pulumi.test.yaml").write_text("config: {}\n")
    (program / "__main__.py").write_text(_PROGRAM)
    (program / "library.py").write_text(_LIBRARY)
    _git(top, "init", "--quiet", "--initial-branch", "main")
    _git(top, "add", "--all")
    _git(top, "commit", "--quiet", "--message", "one")
    monkeypatch.chdir(program)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-a-branch")
    return program


@pytest.fixture
def diff(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*args: str) -> tuple[int, str, str]:
        code = main(["diff", *args])
        out, err = capsys.readouterr()
        return code, out, err

    return run


Diff = Callable[..., tuple[int, str, str]]


def test_another_default_of_the_library_shows_and_nothing_of_the_machine_does(
    repository: Path, tmp_path: Path, diff: Diff
) -> None:
    (repository / "library.py").write_text(_LIBRARY.replace("memory=64", "memory=96"))
    before = sorted(path for path in (repository.parent / ".git").rglob("*") if path.is_file())
    code, out, err = diff("main", "--json")

    assert (code, err) == (0, "")
    document = json.loads(out)
    assert (document["base"], document["head"]) == ("main", "the working tree")
    (service,) = document["stacks"]["test"]["services"]
    assert (service["kind"], service["because"]) == ("changed in place", ["memory 64 → 96 MiB"])
    assert str(tmp_path) not in out
    assert "slidegenie-diff-" not in out
    assert sorted(path for path in (repository.parent / ".git").rglob("*") if path.is_file()) == before


def test_a_change_of_nothing_prints_nothing(repository: Path, diff: Diff) -> None:
    (repository / "README.md").write_text("Nothing that runs.\n")
    assert diff("main") == (0, "", "")
    assert diff("main", "--json") == (0, "", "")
    assert diff("main", "main", "--stack", "test") == (0, "", "")


def test_a_secret_that_is_encrypted_anew_is_named_and_what_reads_it_shows(repository: Path, diff: Diff) -> None:
    file = repository / "Pulumi.test.yaml"
    for cipher in _CIPHERS:
        file.write_text(f"config:\n  shop:shown:\n    secure: {cipher}\n")
        _git(repository, "add", "--all")
        _git(repository, "commit", "--quiet", "--message", cipher)
    code, out, err = diff("HEAD~1", "HEAD")

    assert (code, err) == (0, "")
    assert "| `web` | rolled without a gap | `environment: SHOWN` |" in out
    assert "- `shown`: given anew" in out
    assert not any(cipher in out for cipher in _CIPHERS)


def test_a_stack_of_one_side_only_is_new_or_gone(repository: Path, diff: Diff) -> None:
    (repository / "Pulumi.test.yaml").rename(repository / "Pulumi.other.yaml")
    code, out, err = diff("main")

    assert (code, err) == (0, "")
    assert "### Stack `other`: 1 added" in out
    assert "### Stack `test`: 1 removed" in out


def test_the_code_of_a_revision_sees_no_secret_of_the_environment_and_a_failure_is_one_line(
    repository: Path, diff: Diff
) -> None:
    (repository / "__main__.py").write_text(
        "import os\nraise ValueError(f\"{__file__} {os.environ.get('AWS_SECRET_ACCESS_KEY')}\")\n"
    )
    code, out, err = diff("main", "--stack", "test")

    assert (code, out) == (1, "")
    assert err == "==> the working tree: stack test cannot be planned: ValueError: __main__.py None\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "'nowhere' is no revision that this clone has: give a branch, tag or commit"),
        (("--", "--output=x"), "'--output=x' is no revision that this clone has"),
        (("main", "main", "--stack", "prod"), "stack 'prod' is neither in main nor in main; known stacks: test"),
        (("main", "--json", "--markdown"), "--json and --markdown are two forms of one answer: give one"),
    ],
)
@pytest.mark.usefixtures("repository")
def test_what_cannot_be_compared_is_said_in_one_line(arguments: tuple[str, ...], said: str, diff: Diff) -> None:
    code, out, err = diff(*arguments)

    assert (code, out) == (1, "")
    assert err.startswith(f"==> {said}")
    assert err.count("\n") == 1


def test_a_folder_that_is_no_repository_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, diff: Diff) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", os.fspath(tmp_path.parent))
    code, out, err = diff("main")

    assert (code, out) == (1, "")
    assert err.startswith("==> git rev-parse: fatal: not a git repository")


def test_a_build_sees_what_its_ignore_file_leaves_it() -> None:
    rules = (ROOT / "docker" / "backend" / ".dockerignore").read_text()
    files = [
        "docker/backend/app/api/main.py",
        "docker/backend/README.md",
        "docker/backend/app/__pycache__/main.pyc",
        "docker/backend/app/.hidden",
        "docker/backup/requirements.txt",
        "docker/backend/requirements.txt",
    ]

    assert in_context(files, "docker/backend", rules) == [files[0], files[5]]
    assert in_context(files[:2], ".", "") == files[:2]
    assert in_context(["shared/a.py"], "../shared", "") == []
    assert in_context(["../shared/a.py"], "../shared", "") == ["../shared/a.py"]
