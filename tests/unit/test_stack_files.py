"""The stack files of the repository are right, and `Pulumi.yaml` declares what they may say."""

from typing import Any

import pytest
import yaml

from components import Settings, parse_settings
from components.settings import Variant

from .plans import ROOT, STACKS

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
