"""What the documentation says of names, places, keys, ports and variables is so."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from components.settings import Settings
from slidegenie.context import DEFAULT_STACK
from slidegenie.plan.view import VOLUME, view_of

from ..plans import ROOT, STACKS, plan_of

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


# ---------------------------------------------------------------------------- docs commands
# What the documentation tells people to type is there to be typed.


EVERY_PAGE = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "monitoring" / "RUNBOOK.md"])

# In a line of prose a command is between backticks, which may break over two lines; in a block it begins the line.
_COMMAND = re.compile(r"(?:`(?:sudo )?|^ {4,}(?:sudo )?)make\s+(?:[A-Z_]+=\S+\s+)*([a-z][a-z-]*)", re.MULTILINE)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def commands(page: Path) -> set[str]:
    return set(_COMMAND.findall(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_command_that_a_page_names_exists(page: Path) -> None:
    assert commands(page) - targets() == set()


def test_the_pages_are_read_at_all() -> None:
    found = set().union(*(commands(page) for page in EVERY_PAGE))
    assert {"up", "scan", "clean", "schedule", "drift", "release-check"} <= found


def test_the_addresses_in_the_readme_are_those_of_dev_in_their_order() -> None:
    shown = re.findall(r"^ {6}(\S+) +(https?://\S+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    outputs = plan_of("dev").outputs
    assert shown == [(name, value) for name, value in outputs.items() if name not in ("authority", "releases")]


def test_the_wheel_in_the_readme_is_the_one_that_is_built() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    named = set(re.findall(r"slidegenie_platform-\S+\.whl", (ROOT / "README.md").read_text(encoding="utf-8")))

    assert named == {f"slidegenie_platform-{version}-py3-none-any.whl"}


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
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


# ---------------------------------------------------------------------------- docs figures
# Figures, schedules, ports, alerts, volumes and places that the documentation names are those of the project.


FIGURE_PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
OF_PRODUCTION = [
    ROOT / "docs" / f"{name}.md"
    for name in ("operations", "upgrades", "backups", "maintenance", "troubleshooting", "edge")
]
_WITH_A_VARIABLE = re.compile(r"`make ([a-z-]+)((?:\s+[A-Z_]+=[^\s`]+)+)`")
_OF_NO_STACK = {"release-check", "test", "plan"}
_PLACE = re.compile(
    r"`((?:bench|components|docker|examples|monitoring|scripts|security|slidegenie|tests)/[\w./-]+?)/?`"
)
_VOLUME = re.compile(r"(?:-v |volume rm |filter volume=)(slidegenie-prod-[a-z-]+)")
_ALERT = re.compile(r"`((?:Backup|RestoreDrill|Policy)[A-Z][A-Za-z]+)`")


def _text(name: str) -> str:
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("page", OF_PRODUCTION, ids=lambda page: page.name)
def test_a_command_with_variables_says_in_a_sentence_too_which_stack_it_means(page: Path) -> None:
    commands = _WITH_A_VARIABLE.findall(page.read_text(encoding="utf-8"))
    assert [(name, said) for name, said in commands if name not in _OF_NO_STACK and "STACK=" not in said] == []


@pytest.mark.parametrize("page", FIGURE_PAGES, ids=lambda page: page.name)
def test_every_place_in_the_project_that_a_page_names_is_there(page: Path) -> None:
    named = set(_PLACE.findall(page.read_text(encoding="utf-8")))
    assert sorted(place for place in named if not (ROOT / place).exists()) == []


@pytest.mark.parametrize("page", FIGURE_PAGES, ids=lambda page: page.name)
def test_every_volume_that_a_command_of_a_page_names_is_one_of_prod(page: Path) -> None:
    volumes = {str(made.inputs.get("name")) for made in plan_of("prod").resources if made.type == VOLUME}
    named = set(_VOLUME.findall(page.read_text(encoding="utf-8")))
    assert named - volumes - {"slidegenie-prod-postgres-before"} == set()


@pytest.mark.parametrize("page", FIGURE_PAGES, ids=lambda page: page.name)
def test_every_alert_that_a_page_names_has_a_rule(page: Path) -> None:
    rules = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in (ROOT / "monitoring" / "rules").glob("*.yml")]
    alerts = {rule["alert"] for read in rules for group in read["groups"] for rule in group["rules"] if "alert" in rule}
    named = set(_ALERT.findall(page.read_text(encoding="utf-8")))
    assert named - alerts == set()


def test_the_pages_are_read_for_commands_places_volumes_and_alerts() -> None:
    """A pattern that finds nothing would let everything pass."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in FIGURE_PAGES)
    assert {"restore", "rotate", "destroy"} <= {name for name, _ in _WITH_A_VARIABLE.findall(text)}
    assert {"tests/engine/edge", "security/trivy-scan.yml"} <= set(_PLACE.findall(text))
    assert "slidegenie-prod-postgres" in _VOLUME.findall(text)
    assert {"BackupFailed", "PolicyViolated"} <= set(_ALERT.findall(text))


def test_the_ports_of_the_monitoring_page_are_those_of_dev() -> None:
    shown = re.findall(r"`http://localhost:(\d+)(?:/metrics)?`", _text("docs/monitoring.md"))
    assert shown == [
        re.sub(r".*:(\d+)$", r"\1", str(plan_of("dev").outputs[name]))
        for name in ("grafana", "prometheus", "alertmanager", "node-exporter", "cadvisor", "backend")
    ]


def test_the_limits_on_the_page_of_the_edge_are_the_defaults() -> None:
    proxy, page = Settings().proxy, _text("docs/edge.md")
    for claim in (
        f"a body of {proxy.request_mib} MiB (413)",
        f"headers of {proxy.header_kib} KiB (431",
        f"{proxy.rate_limit.requests_per_second} requests a second with bursts of {proxy.rate_limit.burst}",
        f"{proxy.timeouts.read_seconds} s for a request to arrive, {proxy.timeouts.write_seconds} s to answer it",
    ):
        assert claim in page


def test_the_times_on_the_page_of_backups_are_the_defaults() -> None:
    backup, page = Settings().backup, _text("docs/backups.md")
    shown = {
        key: (int(hour), int(minute), day)
        for key, day, hour, minute in re.findall(
            r"`backup\.(schedule|checkSchedule|drillSchedule)`, (?:(Saturday|Sunday) )?(\d\d):(\d\d)", page
        )
    }
    said = {"schedule": backup.schedule, "checkSchedule": backup.check_schedule, "drillSchedule": backup.drill_schedule}
    assert shown == {key: _time(str(schedule)) for key, schedule in said.items()}


def _time(schedule: str) -> tuple[int, int, str]:
    minute, hour, _, _, day = schedule.split()
    return int(hour), int(minute), {"*": "", "6": "Saturday", "0": "Sunday"}[day]


def test_the_policy_page_counts_the_rules_and_the_exceptions() -> None:
    policy = yaml.safe_load((ROOT / "security" / "container-security.yml").read_text(encoding="utf-8"))
    numbers = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")
    assert f"`rules`: {len(policy['rules'])} of them" in _text("docs/policy.md")
    assert f"The {numbers[len(policy['exceptions'])]} that are there" in _text("docs/policy.md")


def test_the_help_says_the_default_stack_of_what_does_not_ask_what_is_up() -> None:
    """`make plan` and `make secrets` mean `dev` whatever is up."""
    shown = _make("help")
    assert "of plan and secrets: dev" in shown
    assert [name for name in ("STACK=", "ENGINE=", "SLIDEGENIE_HOME=", "DOCKER_HOST=") if name not in shown] == []
    assert DEFAULT_STACK == "dev"


def _make(*arguments: str) -> str:
    bare = {
        name: value for name, value in os.environ.items() if name not in ("STACK", "ENGINE", "MAKEFLAGS", "MAKELEVEL")
    }
    return subprocess.run(
        ["/usr/bin/env", "make", *arguments], cwd=ROOT, env=bare, capture_output=True, text=True, check=True
    ).stdout
