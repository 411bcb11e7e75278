"""What the documentation tells people to type is there to be typed."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from .plans import ROOT, plan_of

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "monitoring" / "RUNBOOK.md"])

# In a line of prose a command is between backticks, which may break over two lines; in a block it begins the line.
_COMMAND = re.compile(r"(?:`(?:sudo )?|^ {4,}(?:sudo )?)make\s+(?:[A-Z_]+=\S+\s+)*([a-z][a-z-]*)", re.MULTILINE)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def commands(page: Path) -> set[str]:
    return set(_COMMAND.findall(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_command_that_a_page_names_exists(page: Path) -> None:
    assert commands(page) - targets() == set()


def test_the_pages_are_read_at_all() -> None:
    found = set().union(*(commands(page) for page in PAGES))
    assert {"up", "scan", "clean", "schedule", "drift", "release-check"} <= found


def test_the_addresses_in_the_readme_are_those_of_dev_in_their_order() -> None:
    shown = re.findall(r"^ {6}(\S+) +(https?://\S+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert shown == [(name, value) for name, value in plan_of("dev").outputs.items() if name != "authority"]


def test_the_wheel_in_the_readme_is_the_one_that_is_built() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    named = set(re.findall(r"slidegenie_platform-\S+\.whl", (ROOT / "README.md").read_text(encoding="utf-8")))

    assert named == {f"slidegenie_platform-{version}-py3-none-any.whl"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_script_and_page_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    scripts = {ROOT / script for script in re.findall(r"\b(scripts/[a-z-]+\.sh)", text)}
    links = {page.parent / link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)}
    pages = {ROOT / name for name in re.findall(r"\b(docs/[a-z/0-9-]+\.md)", text)}
    assert {path for path in scripts | links | pages if not path.exists()} == set()


def test_the_messages_of_the_program_name_commands_that_exist() -> None:
    """An error that says `make X` must not be a second error."""
    for file in (ROOT / "components").rglob("*.py"):
        named = set(re.findall(r"`make ([a-z][a-z-]*)", file.read_text(encoding="utf-8")))
        assert named - targets() == set(), file


@pytest.mark.parametrize("program", ["gcc", "ld", "pip"])
def test_the_proof_that_an_image_has_no_compiler_and_no_pip_asks_for_each_of_them(program: str, tmp_path: Path) -> None:
    """In an image's shell `command -v` looks at the first name only."""
    there = tmp_path / program
    there.touch(mode=0o755)
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"--entrypoint sh \"\$image\" -c '([^']+)'", page)

    shown = subprocess.run(["/bin/sh", "-c", script], env={"PATH": str(tmp_path)}, capture_output=True, check=False)

    assert shown.stdout.decode().split() == [str(there)]
