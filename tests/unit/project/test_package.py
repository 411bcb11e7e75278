"""The package other teams install: it has all it needs, and needs what it says."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from components.core import assets

from ..plans import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

_OF_THE_CHECKOUT = ("PulumiPolicy.yaml", "__main__.py")
"""The folder of the policy pack; other teams have one of their own."""

PROGRAM = """
import sys
from pathlib import Path
import slidegenie_platform
from slidegenie_platform import SlideGeniePlatform, SlideGeniePlatformArgs, parse_settings
from slidegenie.plan import record
from slidegenie_platform.core.assets import asset

package = Path(slidegenie_platform.__file__).resolve().parent
assert str(package).startswith(sys.argv[1]), package
for parts in (("docker", "backend", "debian.Dockerfile"), ("docker", "seed", "Dockerfile")):
    assert Path(asset(*parts)).resolve() == package.joinpath("assets", *parts), asset(*parts)
    assert Path(asset(*parts)).is_file(), parts
settings = parse_settings({"engine": {"socketGroup": 999}}, "here")
args = SlideGeniePlatformArgs(settings=settings)
plan = record(lambda: SlideGeniePlatform("mine", args), project="mine", stack="prod")
print(len(plan.of_type("docker:index/container:Container")))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_package_needs_what_the_program_needs() -> None:
    """`requirements.in` is what `pulumi up` runs with; the two must not drift apart."""
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    required = [line.partition("#")[0].strip() for line in lines]

    assert sorted(filter(None, required)) == sorted(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["cli"])


def test_the_version_is_one_that_can_be_ordered() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", PROJECT["version"])


def test_it_has_the_library_and_the_tool(wheel: Path) -> None:
    metadata = f"slidegenie_platform-{PROJECT['version']}.dist-info"

    assert {name.partition("/")[0] for name in names(wheel)} == {"slidegenie", "slidegenie_platform", metadata}


def test_every_module_and_its_data_are_in_it(wheel: Path) -> None:
    sources = [*ROOT.glob("components/**/*.py"), *ROOT.glob("components/*.yaml"), ROOT / "components" / "py.typed"]
    library = {f"slidegenie_platform/{path.relative_to(ROOT / 'components')}" for path in sources}
    expected = library | {str(path.relative_to(ROOT)) for path in ROOT.glob("slidegenie/**/*.py")}

    assert len(library) > 40
    assert len(expected) > 100
    assert expected <= names(wheel)


@pytest.mark.parametrize("folder", ["docker/backend", "docker/backup", "docker/seed", "monitoring", "security"])
def test_what_the_components_read_is_in_it(wheel: Path, folder: str) -> None:
    generated = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    expected = {
        f"slidegenie_platform/assets/{path.relative_to(ROOT)}"
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not generated & set(path.parts) and path.name not in _OF_THE_CHECKOUT
    }

    assert expected <= names(wheel)


def test_what_only_a_checkout_needs_is_not_in_it(wheel: Path) -> None:
    of_the_checkout = r"assets/docker/airgap|assets/security/__main__|/Pulumi(Policy)?\."
    leftovers = r"__pycache__|_cache/|\.pyc$|\.secrets|\.env$"
    unwanted = [name for name in names(wheel) if re.search(f"{of_the_checkout}|{leftovers}", name)]

    assert unwanted == []


def test_its_metadata_says_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"slidegenie_platform-{PROJECT['version']}.dist-info/METADATA").decode()

    assert "Requires-Python: >=3.11" in metadata
    assert len(re.findall(r"^Requires-Dist: ", metadata, re.MULTILINE)) == len(
        [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    )


def test_it_works_without_the_checkout(installed: Path) -> None:
    run = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", PROGRAM, str(installed)]
    done = subprocess.run(run, cwd=installed, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


OWN = """
import pulumi_docker as docker
from slidegenie_platform import SlideGeniePlatform, SlideGeniePlatformArgs, load_settings

platform = SlideGeniePlatform("platform", SlideGeniePlatformArgs(settings=load_settings()))
docker.Container("theirs", image="nginx:1", envs=["DB_PASSWORD=hunter2"])
"""
# One start for all commands: importing takes longer than what most of them do.
COMMANDS = """
import contextlib, io, json, sys
from slidegenie.__main__ import main

told = []
for command in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(command)
    told.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(told))
"""


def told(installed: Path, folder: Path, *commands: list[str]) -> list[tuple[int, str, str]]:
    """Return exit code, output and errors of each command, run in `folder` by the package in `installed`."""
    environment = os.environ | {"PYTHONPATH": str(installed), "SLIDEGENIE_HOME": str(folder / "home")}
    run = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", COMMANDS, json.dumps(commands)]
    done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [(code, out, err) for code, out, err in json.loads(done.stdout)]


def test_its_commands_say_in_one_line_that_there_is_no_program(installed: Path, tmp_path: Path) -> None:
    commands = ["up", "preview", "policy", "destroy"]
    line = f"==> there is no Pulumi.yaml in {tmp_path}: run this in the folder of a Pulumi program\n"

    assert told(installed, tmp_path, *([command] for command in commands)) == [(1, "", line)] * len(commands)


def test_plan_and_policy_work_on_a_program_of_another_team(installed: Path, tmp_path: Path) -> None:
    for name, text in (
        ("__main__.py", OWN),
        ("Pulumi.yaml", "name: shop\nruntime: python\n"),
        ("Pulumi.dev.yaml", "config: {}\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    expected = {
        "plan": (0, "└── made without this library\n    └── container theirs\n"),
        "plan --json": (0, '"project": "shop"'),
        "plan --diagram": (0, "flowchart LR\n"),
        "plan --compose": (1, "library only, and stack dev has container theirs: run it with Pulumi\n"),
        "policy": (0, '  theirs: envs["DB_PASSWORD"] is a secret by its name\n'),
    }
    found = told(installed, tmp_path, *(command.split() for command in expected))

    for (command, (code, said)), (got, out, err) in zip(expected.items(), found, strict=True):
        assert got == code, command + err
        assert said in (err if code else out), command
        assert (out if code else err) == "", command
        assert str(ROOT) not in out + err, command


def test_no_module_of_the_library_names_the_package_it_is_in() -> None:
    """It is `components` here and `slidegenie_platform` there: relative imports work in both."""
    absolute = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in ROOT.glob("components/**/*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(from|import) components\b", line)
    ]

    assert absolute == []


# ---------------------------------------------------------------------------- assets
# The Dockerfiles are found from a checkout and from an installed package.


def test_a_path_in_the_checkout_is_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    """An absolute one would differ between machines and show as a change in each preview."""
    monkeypatch.chdir(ROOT)

    assert assets.asset("docker", "backend") == "docker/backend"


def test_a_path_outside_of_the_working_directory_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert assets.asset("docker", "seed") == str(ROOT / "docker" / "seed")


@pytest.mark.parametrize("parts", [("docker", "backend", "debian.Dockerfile"), ("docker", "seed", "Dockerfile")])
def test_what_is_asked_for_is_there(parts: tuple[str, ...]) -> None:
    assert Path(assets.asset(*parts)).is_file()
