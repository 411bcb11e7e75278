"""Every set-up that the documentation shows is planned, in every form that a plan has."""

import datetime
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic.fields import FieldInfo

from components import Settings, parse_settings
from components.settings import Variant
from components.settings.yaml_file import parse_yaml
from scripts import settings_manual as manual
from slidegenie.compose.project import compose_project
from slidegenie.engine.preflight import needed_images
from slidegenie.plan.as_json import render_json
from slidegenie.plan.program import StackProgram
from slidegenie.plan.render import render_diagram, render_tree

from ..plans import ROOT, STACKS

PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), ROOT / "monitoring" / "RUNBOOK.md"])
_BLOCK = re.compile(r"(?:^ {4,}.*\n|^\n)+", re.MULTILINE)
_FENCED = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NEEDS: dict[str, dict[str, Any]] = {
    # What a page leaves out because it is said elsewhere.
    "username: ": {"slidegenie:secrets": {"registryPassword": "correct-horse-battery"}},
    "repository: s3:": {"slidegenie:secrets": {"backupCredentials": {"AWS_ACCESS_KEY_ID": "key"}}},
}


def _blocks(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    indented = [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in _BLOCK.findall(text)]
    # Alternatives stand below each other, with an empty line between them.
    parts = [part for block in (*indented, *_FENCED.findall(text)) for part in block.split("\n\n")]
    return [part for part in parts if re.search(r"^ *slidegenie:\w+:", part, re.MULTILINE)]


def _configuration(block: str) -> dict[str, Any]:
    """Return the keys of a block, which may be deeper than its first line, and begin with `config:`."""
    lines = block.splitlines()
    first = next(i for i, line in enumerate(lines) if re.match(r" *(config|slidegenie:\w+):", line))
    depth = len(lines[first]) - len(lines[first].lstrip())
    kept = [line[depth:] for line in lines[first:] if not line.strip() or len(line) - len(line.lstrip()) >= depth]
    read: dict[str, Any] = parse_yaml("\n".join(kept).encode(), "page")
    return read.get("config", read)  # type: ignore[no-any-return]


EXAMPLES = {
    f"{page.relative_to(ROOT)} {number}": _configuration(block)
    for page in PAGES
    for number, block in enumerate(_blocks(page), 1)
}
MORE: dict[str, dict[str, Any]] = {
    "pushed by digest": {
        "slidegenie:registry": {"address": "ghcr.io", "namespace": "acme", "builder": "x", "username": "bot"},
    },
    "pushed by the engine's own builder": {
        "slidegenie:registry": {
            "address": "ghcr.io",
            "namespace": "acme",
            "platforms": ["linux/amd64"],
            "username": "bot",
        },
    },
    "a Dockerfile outside of its context": {
        "slidegenie:backend": {"context": "shop", "dockerfile": "/DOCKERFILES/Dockerfile", "healthCommand": ["/x"]},
    },
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the program beside the library, with an application of one's own."""
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("shop", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM scratch AS production\n", encoding="utf-8")
    return tmp_path


def test_the_examples_are_found() -> None:
    assert len(EXAMPLES) >= 8
    assert {"slidegenie:backend", "slidegenie:images"} <= {key for example in EXAMPLES.values() for key in example}


@pytest.mark.parametrize("name", [*EXAMPLES, *MORE])
def test_a_documented_set_up_is_planned_in_every_form(name: str, checkout: Path) -> None:
    configuration: dict[str, Any] = dict((EXAMPLES | MORE)[name])
    for part, needed in _NEEDS.items():
        if part in yaml.safe_dump(configuration):
            configuration = needed | configuration
    text = yaml.safe_dump({"config": configuration}).replace("../shop", "shop")
    text = text.replace("/DOCKERFILES", str(checkout / "outside")).replace("sha256:...", f"sha256:{'0' * 64}")
    (checkout / "Pulumi.example.yaml").write_text(text, encoding="utf-8")
    program = StackProgram.read(checkout, "example")
    plan = program.plan()
    assert render_tree(plan).startswith("slidegenie/example")
    assert render_json(plan, checkout).count('"name"') > 20
    assert render_diagram(plan).startswith("flowchart")
    project = compose_project(program)
    assert "\nservices:\n" in project.text
    assert project.secret_files


def test_a_pushed_image_is_shown_by_the_name_it_will_have(checkout: Path) -> None:
    (checkout / "Pulumi.example.yaml").write_text(
        "config:\n  slidegenie:registry: {address: ghcr.io, namespace: acme, builder: x, username: bot}\n"
        "  slidegenie:secrets: {registryPassword: correct-horse-battery}\n",
        encoding="utf-8",
    )
    program = StackProgram.read(checkout, "example")
    plan = program.plan()
    assert not [image for image in needed_images(plan) if "acme" in image], "it is pushed before it is pulled"
    tree = render_tree(plan)
    assert "ghcr.io/acme/backend, pushed by its digest" in tree
    assert "image: ghcr.io/acme/backend:0.0.0-dev" in compose_project(program).text


@pytest.mark.parametrize("arguments", [["plan", "--stack", "dev"], ["--help"]])
def test_a_reader_that_has_seen_enough_is_no_traceback(arguments: list[str]) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "slidegenie", *arguments]
    reading, writing = os.pipe()
    # Nobody reads any more.
    os.close(reading)
    done = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.stderr == ""


# ---------------------------------------------------------------------------- stack files
# The stack files of the repository are right, and `Pulumi.yaml` declares what they may say.


PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))


def values(stack: str) -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    return {key.removeprefix("slidegenie:"): value for key, value in loaded["config"].items()}


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_file_has_no_mistake(stack: str) -> None:
    parse_settings(values(stack), f"Pulumi.{stack}.yaml")


def test_every_stack_file_is_tested() -> None:
    assert {path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")} == set(STACKS)


def test_environments_differ_in_their_image() -> None:
    variants = {stack: parse_settings(values(stack), stack).backend.variant for stack in STACKS}

    assert variants == {"dev": Variant.DEBIAN, "prod": Variant.ALPINE, "airgap": Variant.DEBIAN}


def test_the_project_declares_every_key_and_no_other() -> None:
    assert list(PROJECT["config"]) == [field.alias for field in Settings.model_fields.values()]


@pytest.mark.parametrize("key", PROJECT["config"])
def test_a_declared_key_has_type_description_and_default(key: str) -> None:
    declared = PROJECT["config"][key]

    assert declared["type"] == "object"
    assert declared["description"].endswith(".")
    assert isinstance(declared["default"], dict)


def test_the_declared_defaults_are_the_defaults() -> None:
    declared = {key: value["default"] for key, value in PROJECT["config"].items()}

    assert parse_settings(declared, "Pulumi.yaml") == Settings()


@pytest.mark.parametrize("stack", STACKS)
def test_no_stack_file_has_a_readable_secret(stack: str) -> None:
    for name, value in values(stack).get("secrets", {}).items():
        assert set(value) == {"secure"}, f"secrets.{name} is readable; set it with `pulumi config set --secret`"


# ---------------------------------------------------------------------------- manual
# The manual of the settings says what they are.


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str]]:
    """Return type and default of each key, by its path."""
    found, section = {}, ""
    for line in manual.manual().splitlines():
        section = line.removeprefix("## ") if line.startswith("## ") else section
        if line.startswith("| `"):
            key, kind, default, _ = (cell.strip() for cell in line.strip("|").split(" | ", 3))
            found[f"{section}.{key.strip('`')}"] = (kind, default)
    return found


@pytest.mark.parametrize(
    ("key", "kind", "default"),
    [
        ("monitoring.enabled", "true or false", "`true`"),
        ("backup.redis", "true or false", "`true`"),
        ("backend.origin.created", "date and time", "-"),
        ("backend.replicas", "whole number from 1 to 50", "`2`"),
        ("registry.platforms", "list", "`linux/amd64, linux/arm64`"),
        ("backup.volumes", "list", "-"),
        ("backend.environment", "map of texts", "-"),
        ("proxy.tls", "`local` or `files` or `acme`", "`local`"),
        ("secrets.tlsKey", "secret text", "-"),
        ("secrets.acmeDns", "map of secret texts", "-"),
        ("secrets.backupCredentials", "map of secret texts", "-"),
    ],
)
def test_a_key_is_called_what_it_is(rows: dict[str, tuple[str, str]], key: str, kind: str, default: str) -> None:
    assert rows[key] == (kind, default)


def test_defaults_within_a_group_are_those_of_its_section(rows: dict[str, tuple[str, str]]) -> None:
    limits = {
        group: tuple(rows[f"{group}.{key}"][1] for key in ("memoryMib", "cpus", "pids"))
        for group in ("backend.limits", "monitoring.cadvisorLimits", "monitoring.smallLimits")
    }
    assert limits == {
        "backend.limits": ("`512`", "-", "-"),
        "monitoring.cadvisorLimits": ("`192`", "`0.5`", "-"),
        "monitoring.smallLimits": ("`64`", "`0.25`", "`64`"),
    }


def test_required_is_only_what_nothing_stands_in_for(rows: dict[str, tuple[str, str]]) -> None:
    assert {key for key, (_, default) in rows.items() if default == "required"} == {
        "postgres.external.host",
        "redis.external.host",
        "storage.external.endpoint",
        "monitoring.email.to",
        "monitoring.email.sender",
        "monitoring.email.smarthost",
    }


def test_a_value_without_a_name_is_an_error() -> None:
    with pytest.raises(KeyError, match="date"):
        manual._type(FieldInfo(annotation=datetime.date))
