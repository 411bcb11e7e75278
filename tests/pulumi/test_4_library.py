"""Another team installs the wheel and puts a service of its own on the platform."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from ..support.client import trusting
from ..support.workspace import ROOT, docker
from .conftest import missing

pytestmark = pytest.mark.pulumi

_HTTPS = 58453


def _pulumi(folder: Path, *args: str) -> str:
    env = os.environ | {
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "for a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    done = subprocess.run(
        ["pulumi", *args, "--non-interactive", "--color", "never"],  # noqa: S607
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example in a folder and an environment of its own, with the wheel as its users get it."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("team") / "example"
    shutil.copytree(ROOT / "examples" / "platform-team", folder, ignore=shutil.ignore_patterns(".venv"))
    dist = folder / "dist"
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT)],
        capture_output=True,
        check=True,
    )
    venv.create(folder / ".venv", with_pip=True)
    # The dependencies come from the environment of the tests; only the wheel itself is installed.
    site = next((folder / ".venv" / "lib").glob("python3*")) / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    install = [str(folder / ".venv" / "bin" / "pip"), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, *map(str, dist.glob("*.whl"))], capture_output=True, check=True)
    airgap = yaml.safe_load((ROOT / "Pulumi.airgap.yaml").read_text(encoding="utf-8"))["config"]
    settings = {
        "reports:images": airgap["slidegenie:images"],
        "reports:policy": airgap["slidegenie:policy"],
        "reports:backend": {"replicas": 1},
        "reports:monitoring": {"enabled": False},
        "reports:proxy": {"httpPort": _HTTPS - 1, "httpsPort": _HTTPS},
    }
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": settings}), encoding="utf-8")
    (folder / "state").mkdir()
    _pulumi(folder, "stack", "init", "dev")
    yield folder
    _pulumi(folder, "state", "unprotect", "--all", "--yes")
    _pulumi(folder, "destroy", "--yes", "--skip-preview")


def test_the_example_comes_up_beside_the_platforms_own_backend(team: Path) -> None:
    _pulumi(team, "up", "--yes", "--skip-preview")
    with trusting(f"https://localhost:{_HTTPS}") as client:
        assert client.get("/reports").text == "reports\n"
        assert client.get("/health/live").json() == {"status": "live"}
        assert client.post("/reports", content=b"").status_code == httpx.codes.NOT_IMPLEMENTED
    running = docker("ps", "--filter", "label=io.slidegenie.stack=reports/dev", "--format", "{{.Status}}").splitlines()
    assert len(running) == 10
    assert all("(healthy)" in status for status in running)
    _pulumi(team, "preview", "--expect-no-changes")


def test_the_platforms_policy_judges_the_teams_whole_stack_in_a_preview(team: Path) -> None:
    said = _pulumi(team, "preview", "--policy-pack", "policy")
    assert "container-security@v0.1.0" in said
    assert "[mandatory]" not in said
    assert "[advisory]" not in said


def test_a_service_that_went_leaves_its_path_to_who_is_next(team: Path) -> None:
    main = team / "__main__.py"
    with trusting(f"https://localhost:{_HTTPS}") as client:
        assert client.get("/reports").is_success
        main.write_text(
            main.read_text(encoding="utf-8").partition("image = slidegenie.BuiltImage(")[0], encoding="utf-8"
        )
        _pulumi(team, "up", "--yes", "--skip-preview")
        answer = client.get("/reports")
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert "json" in answer.headers["content-type"], "the platform's own backend says so, and not Traefik"
    assert not docker("ps", "--all", "--quiet", "--filter", "label=com.docker.compose.service=reports").strip()
    _pulumi(team, "preview", "--expect-no-changes")
