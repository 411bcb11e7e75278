"""What the documentation says of names, places, keys, ports and variables is so."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from components.settings import Settings
from slidegenie.plan.view import view_of

from .plans import ROOT, STACKS, plan_of

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "monitoring" / "RUNBOOK.md"])
OF_OPERATORS = [
    ROOT / "docs" / f"{name}.md" for name in ("operations", "upgrades", "backups", "maintenance", "security", "edge")
] + [ROOT / "monitoring" / "RUNBOOK.md"]
SECTIONS = {to_camel(name) for name in Settings.model_fields}
_ON_A_STACK = (
    "up|down|destroy|preview|drift|refresh|password|rotate|releases|rollback|logs|shell|backup|backups|restore|drill|"
    "scan|clean|freshness|schedule|unschedule|policy"
)
_VARIABLE = re.compile(r"`?make [a-z-]+((?: [A-Z_]+=[^\s`]+)+)")


def _names(pages: list[Path]) -> dict[str, Path]:
    return {str(page.relative_to(ROOT)): page for page in pages}


@pytest.mark.parametrize("page", _names(OF_OPERATORS).values(), ids=_names(OF_OPERATORS))
def test_a_command_to_copy_says_which_stack_it_means(page: Path) -> None:
    """Without it the command works on what its user brought up last: in another one's shell, on `dev`."""
    lines = re.findall(
        rf"^ {{4,}}(?:sudo )?make (?:{_ON_A_STACK})\b.*$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [line.strip() for line in lines if "STACK=" not in line] == []


@pytest.mark.parametrize("page", _names(PAGES).values(), ids=_names(PAGES))
def test_every_key_of_the_settings_that_a_page_names_is_one(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(rf"`((?:{'|'.join(sorted(SECTIONS))})(?:\.[a-z][A-Za-z]*)+)", text))
    files = {key for key in named if key.endswith(".py")}
    assert sorted(key for key in named - files if not _is_key(Settings, key.split("."))) == []


def _is_key(model: type[BaseModel], path: list[str]) -> bool:
    """Whether a path of keys leads somewhere; below a map any name does."""
    fields = {to_camel(name): field for name, field in model.model_fields.items()}
    if path[0] not in fields:
        return False
    if len(path) == 1:
        return True
    inner = [
        kind for kind in _kinds(fields[path[0]].annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)
    ]
    return any(_is_key(kind, path[1:]) for kind in inner) or not inner


def _kinds(annotation: Any) -> list[Any]:
    return [annotation, *(kind for part in getattr(annotation, "__args__", ()) for kind in _kinds(part))]


@pytest.mark.parametrize("page", _names(PAGES).values(), ids=_names(PAGES))
def test_every_variable_of_a_command_is_read_by_the_project(page: Path) -> None:
    code = [*ROOT.glob("components/**/*.py"), *ROOT.glob("slidegenie/**/*.py"), *ROOT.glob("scripts/*.py")]
    read = "".join(path.read_text(encoding="utf-8") for path in code)
    read += (ROOT / "Makefile").read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    named = {part.partition("=")[0] for found in _VARIABLE.findall(text) for part in found.split()}
    assert sorted(name for name in named if not re.search(rf"\b{name}\b", read)) == []


@pytest.mark.parametrize("page", _names(PAGES).values(), ids=_names(PAGES))
def test_every_service_that_docker_compose_is_asked_for_exists(page: Path) -> None:
    services = {service.name for stack in STACKS for service in view_of(plan_of(stack)).services} | {"SERVICE"}
    text = page.read_text(encoding="utf-8")
    asked = re.findall(
        r"docker compose (?:-p slidegenie-\w+ )?(?:exec(?: -T)?|logs(?: -f)?|stop|start|restart) ([\w-]+)", text
    )
    assert {name for name in asked if not name.startswith("-")} - services == set()


@pytest.mark.parametrize("page", _names(PAGES).values(), ids=_names(PAGES))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    broken = []
    for file, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")):
        target = (page.parent / file) if file else page
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
        if anchor not in slugs:
            broken.append(f"{file}#{anchor}")
    assert broken == []


def test_the_pages_and_the_help_name_what_decides_a_command() -> None:
    names = {"STACK", "ENGINE", "SLIDEGENIE_HOME", "DOCKER_HOST"}
    for page in ("docs/operations.md", "README.md", "Makefile"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert sorted(name for name in names if name not in text) == [], page


def test_backups_and_their_drill_run_where_the_pages_say() -> None:
    """The pages say that `dev` and `airgap` have none."""
    files = {stack: yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")) for stack in STACKS}
    enabled = {
        stack: (read["config"].get("slidegenie:backup") or {}).get("enabled", Settings().backup.enabled)
        for stack, read in files.items()
    }
    assert enabled == {"dev": False, "prod": True, "airgap": False}


def test_an_image_in_an_example_is_one_that_prod_runs() -> None:
    """`supplyChain.require: enforce` refuses an image without a digest."""
    for page in PAGES:
        for reference in re.findall(r"\bimage: (\S+/\S+:[\w.-]+\S*)", page.read_text(encoding="utf-8")):
            assert "@sha256:" in reference, f"{page.name}: {reference}"


def test_nothing_offers_a_mode_that_is_not_there() -> None:
    for page in (*PAGES, ROOT / "security" / "container-security.yml"):
        assert "orchestrator" not in page.read_text(encoding="utf-8"), page
