"""All images on a real engine: what is in them, how they run, what a change costs.

Built from the stand-in for the Debian base, the Alpine Dockerfile too: that proves the Dockerfile and not musl.
"""

import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.image_size import rebuild, weigh
from components.images.variants import VARIANTS, ImageVariant
from components.settings import Target
from slidegenie.plan.program import StackProgram

from ..conftest import Figures
from ..support import images
from ..support.workspace import ROOT, docker, missing_for_engine_tests

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

REPOSITORY = "slidegenie-test/backend"
VERSION = "1.2.3-test"
_REBUILD_SECONDS = 30
"""Far above the two seconds it takes, which are printed and not asserted: machines differ."""
SHIPPED = [row for row in VARIANTS if row.target in (Target.PRODUCTION, Target.MINIMAL)]
SERVING = [row for row in VARIANTS if row.target is not Target.TESTING]
COMPILERS = re.compile(
    r"(.*-)?(gcc|g\+\+|cc|c\+\+|clang|tcc|as|ld|make|cmake|strip|objcopy|rustc|cargo|go|uv)(-[\d.]+)?"
)
HISTORIES = re.compile(r"\.(\w*_history|\w*hist|viminfo|lesshst)")
INSTALLERS = re.compile(r"/(pip|setuptools|wheel|ensurepip|pkg_resources|uv)(/|-[\d.]+\.dist-info/|$)")
CREDENTIALS = re.compile(
    r"\.(env|netrc|npmrc|pypirc|git-credentials|dockercfg)|id_(rsa|ed25519|ecdsa)|.*\.(key|p12|pfx)"
)

each = pytest.mark.parametrize("variant", VARIANTS, ids=lambda row: row.name)
each_shipped = pytest.mark.parametrize("variant", SHIPPED, ids=lambda row: row.name)
each_serving = pytest.mark.parametrize("variant", SERVING, ids=lambda row: row.name)


def image(variant: ImageVariant) -> str:
    return f"{REPOSITORY}:{variant.name}"


@functools.cache
def entries(variant: ImageVariant) -> tuple[images.Entry, ...]:
    return tuple(images.entries(image(variant)))


def paths(variant: ImageVariant, pattern: re.Pattern[str]) -> list[str]:
    return [entry.path for entry in entries(variant) if pattern.fullmatch(entry.name)]


@pytest.fixture(scope="module", autouse=True)
def built() -> Iterator[str]:
    """All seven, by the command that people type; returns what it printed."""
    if reason := missing_for_engine_tests():
        pytest.skip(reason)
    command = ["scripts/build-images.sh", "--all", "--no-scan", "--stack", "airgap", "-r", "slidegenie-test"]
    done = subprocess.run([*command, "-v", VERSION], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    yield done.stdout
    names = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=slidegenie-*/backend")
    mine = [name for name in names.split() if name.startswith((f"{REPOSITORY}:", "slidegenie-bench/"))]
    docker("image", "rm", "--force", *mine)


def test_the_command_ends_with_a_table_of_all_images(built: str) -> None:
    table = [line.split() for line in built.splitlines() if not line.startswith("==>")]

    assert table[0] == ["image", "size", "layers", "scan", "signature"]
    assert [row[0] for row in table[1:]] == [variant.name for variant in VARIANTS]
    assert {(row[2], row[-1]) for row in table[1:]} == {("MB", "none")}


@each
def test_both_tags_name_the_image(variant: ImageVariant) -> None:
    ids = {docker("image", "inspect", "--format", "{{.Id}}", f"{REPOSITORY}:{tag}") for tag in variant.tags(VERSION)}

    assert len(ids) == 1


@each
def test_it_runs_as_user_1000_and_checks_its_own_health(variant: ImageVariant) -> None:
    config = images.configuration(image(variant))
    testing = variant.target is Target.TESTING

    assert config["User"] == "1000:1000"
    assert config["StopSignal"] == "SIGTERM"
    assert config["ExposedPorts"] == {"8000/tcp": {}}
    assert config["Healthcheck"]["Test"] == (
        ["NONE"] if testing else ["CMD", "/app/.venv/bin/python", "-m", "app", "health"]
    )


@each
def test_its_labels_say_where_it_comes_from(variant: ImageVariant) -> None:
    labels = images.configuration(image(variant))["Labels"]
    prefix = "org.opencontainers.image."
    said = {key.removeprefix(prefix): value for key, value in labels.items() if key.startswith(prefix)}

    assert said["version"] == VERSION
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", said["revision"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said["created"])
    assert said["base.name"] == "slidegenie-airgap/python:3.11-slim"
    assert said.keys() == {"title", "description", "version", "revision", "created", "source", "base.name"}


@each
def test_there_is_no_history_compiler_installer_or_credential_in_it(variant: ImageVariant) -> None:
    assert paths(variant, HISTORIES) == []
    assert paths(variant, CREDENTIALS) == []
    assert [path for path in paths(variant, COMPILERS) if re.search(r"(^|/)s?bin/", path)] == []
    assert [entry.path for entry in entries(variant) if INSTALLERS.search(entry.path)] == []
    assert [entry.path for entry in entries(variant) if re.match(r"root/\.cache|.*/\.git(/|$)", entry.path)] == []


@each
def test_nothing_in_it_gives_more_rights_or_can_be_changed(variant: ImageVariant) -> None:
    setuid = [entry.path for entry in entries(variant) if entry.kind == "file" and entry.mode & 0o6000]
    open_to_all = [entry.path for entry in entries(variant) if entry.kind == "file" and entry.mode & 0o002]
    own = [entry.path for entry in entries(variant) if entry.path.startswith("app/") and entry.owner != (0, 0)]

    assert (setuid, open_to_all, own) == ([], [], [])


@each_shipped
def test_what_is_shipped_holds_the_application_and_nothing_of_its_tests(variant: ImageVariant) -> None:
    inside = {entry.path for entry in entries(variant)}
    packages = "app/.venv/lib/python3.11/site-packages/"

    assert {path.split("/")[1] for path in inside if path.startswith("app/")} - {""} == {"app", ".venv"}
    assert "app/app/main.py" in inside
    assert "app/app/__pycache__/main.cpython-311.pyc" in inside, "compiled: a read-only container cannot"
    assert [path for path in inside if path.startswith(packages) and re.search(r"/tests?/", path)] == []
    assert [path for path in inside if re.search(r"/(pytest|httpx2|watchfiles)/", path)] == []


def test_the_minimal_one_has_no_program_but_the_interpreter() -> None:
    programs = {
        entry.path
        for entry in entries(VARIANTS[-1])
        if entry.kind != "folder" and re.match(r"(usr/(local/)?)?s?bin/", entry.path)
    }

    assert {path.rpartition("/")[2] for path in programs} <= {"python", "python3", "python3.11"}
    for shell in ("sh", "bash", "ash", "busybox"):
        with pytest.raises(AssertionError, match="executable file not found"):
            docker("run", "--rm", image(VARIANTS[-1]), shell, "-c", "true")


@each_serving
def test_it_answers_by_itself_and_hardened_and_says_it_is_healthy(variant: ImageVariant) -> None:
    with images.running(image(variant), *images.HARDENED) as (container, url):
        images.eventually(lambda: _answers(f"{url}/health/live"), "answers")
        assert httpx.get(f"{url}/health/live").json() == {"status": "live"}
        assert docker("exec", container, "python", "-c", "import os; print(os.getuid(), os.getgid())") == "1000 1000\n"
        images.eventually(lambda: images.health(container) == "healthy", "healthy")


def test_a_plain_docker_run_is_enough() -> None:
    with images.running(image(VARIANTS[0])) as (_, url):
        images.eventually(lambda: _answers(f"{url}/health/live"), "answers")


@pytest.mark.parametrize("variant", [row for row in VARIANTS if row.target is Target.DEVELOPMENT], ids=lambda r: r.name)
def test_development_serves_an_edit_of_the_mounted_code(variant: ImageVariant, tmp_path: Path) -> None:
    source = ROOT / "docker" / "backend" / "app"
    subprocess.run(["cp", "-r", str(source), str(tmp_path / "app")], check=True)  # noqa: S607
    with images.running(image(variant), f"--volume={tmp_path / 'app'}:/app/app") as (_, url):
        images.eventually(lambda: _answers(f"{url}/health/live"), "answers")
        health = tmp_path / "app" / "health.py"
        health.write_text(health.read_text(encoding="utf-8").replace('"live"', '"edited"'), encoding="utf-8")
        images.eventually(lambda: _status(url) == "edited", "serves the edit")


@pytest.mark.parametrize("variant", [row for row in VARIANTS if row.target is Target.TESTING], ids=lambda row: row.name)
def test_testing_runs_the_backends_own_tests(variant: ImageVariant) -> None:
    assert re.search(r" [1-9]\d* passed", docker("run", "--rm", *images.HARDENED, image(variant)))


@each_shipped
def test_a_changed_line_costs_one_layer_and_hardly_any_time(variant: ImageVariant, figures: Figures) -> None:
    attempts = [rebuild(StackProgram.read(ROOT, "airgap").settings, variant) for _ in range(3)]
    best = min(attempt.seconds for attempt in attempts)
    figures(f"{variant.name} was built again in {best:.1f} s")

    # The fewest: another build at the same time makes the engine pick another of several equal layers.
    assert min(attempt.new_layers for attempt in attempts) == 1
    assert best < _REBUILD_SECONDS


def test_production_adds_little_over_what_is_needed_and_minimal_is_smaller(figures: Figures) -> None:
    weights = {row.name: weigh(StackProgram.read(ROOT, "airgap").settings, row) for row in SHIPPED}
    for name, weight in weights.items():
        figures(f"{name} adds {weight.added} bytes, {weight.ratio:.2f} times what is installed")

    assert weights["latest"].ratio <= 1.15
    assert weights["alpine"].ratio <= 1.15
    assert weights["minimal"].total < weights["alpine"].total


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def _status(url: str) -> str:
    try:
        return str(httpx.get(f"{url}/health/live").json()["status"])
    except httpx.HTTPError:
        return "restarting"
