"""Read the policy file, and the exceptions that a stack adds to it."""

import functools
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ...settings.base import Section
from ...settings.errors import SettingsError, explain
from ...settings.sections.monitoring import PolicySettings
from ...settings.yaml_file import read_yaml
from ..assets import asset
from ..json_text import json_text
from .model import ContainerPolicy, Exceptions

_Model = TypeVar("_Model", bound=Section)
SCHEMA = "security/container-security.schema.json"
"""Where the generated schema is, for editors."""


def load_policy(settings: PolicySettings, root: Path | None = None) -> ContainerPolicy:
    """Return the policy of a stack. Relative paths start at `root`, by default the working directory.

    Raises:
        SettingsError: when a file cannot be read, with one line for each mistake.
    """
    base = root or Path.cwd()
    if settings.file is None:
        policy = default_policy()
    else:
        policy = parse(ContainerPolicy, read_yaml(base / settings.file, "policy.file"), settings.file)
    policy = _with_registries(policy, settings.registries)
    if settings.exceptions is None:
        return policy
    added = parse(Exceptions, read_yaml(base / settings.exceptions, "policy.exceptions"), settings.exceptions)
    return policy.model_copy(update={"exceptions": (*policy.exceptions, *added.exceptions)})


def _with_registries(policy: ContainerPolicy, added: tuple[str, ...]) -> ContainerPolicy:
    source = policy.rules.image_source
    source = source.model_copy(update={"registries": (*source.registries, *added)})
    return policy.model_copy(update={"rules": policy.rules.model_copy(update={"image_source": source})})


@functools.cache
def default_policy() -> ContainerPolicy:
    """Return the policy that comes with the library.

    Raises:
        SettingsError: with one line for each mistake in it.
    """
    file = asset("security", "container-security.yml")
    return parse(ContainerPolicy, read_yaml(Path(file), "policy.file"), file)


def parse(model: type[_Model], values: Any, source: str) -> _Model:
    """Check `values`, what a file said. `source` is named in errors.

    Raises:
        SettingsError: with one line for each mistake.
    """
    if not isinstance(values, dict):
        known = ", ".join(str(field.alias) for field in model.model_fields.values())
        raise SettingsError(source, [f"must be a group with the keys {known}; got {type(values).__name__}"])
    try:
        return model.model_validate(values, by_alias=True, by_name=False)
    except ValidationError as error:
        raise SettingsError(source, explain(error, model, values)) from None


def schema() -> str:
    """Return the JSON schema of the policy file."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ContainerPolicy.model_json_schema(by_alias=True),
    }
    return json_text(document, sort_keys=True)
