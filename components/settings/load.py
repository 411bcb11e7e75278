"""The one reader of Pulumi configuration."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import ValidationError

from .errors import SettingsError, explain
from .model import Settings

_MISSPELT = 0.8
"""From this likeness on (0 to 1), another namespace is taken for a misspelt one."""


def load_settings() -> Settings:
    """Read and check the configuration of the current stack.

    Raises:
        SettingsError: with one line for each mistake, all of them at once.
    """
    configuration = runtime_config.CONFIG.get() or runtime_config.get_config_env()
    project, source = pulumi.get_project(), f"Pulumi.{pulumi.get_stack()}.yaml"
    lost = list(_lost(project, configuration))
    try:
        settings = parse_settings(keys_of(project, configuration), source)
    except SettingsError as error:
        raise SettingsError(source, [*lost, *error.problems]) from None
    if lost:
        raise SettingsError(source, lost)
    return settings


def parse_settings(values: dict[str, Any], source: str) -> Settings:
    """Check `values`, the keys of one stack without their namespace. `source` is named in errors.

    Raises:
        SettingsError: with one line for each mistake, all of them at once.
    """
    try:
        return Settings.model_validate(values, by_alias=True, by_name=False)
    except ValidationError as error:
        raise SettingsError(source, explain(error, Settings, values)) from None


def keys_of(project: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of `project` without their namespace; those of others, such as `docker:host`, are left out.

    Pulumi's own reader has no way to list them, and a typo must not pass.
    """
    prefix = f"{project}:"
    return {key.removeprefix(prefix): _plain(value) for key, value in configuration.items() if key.startswith(prefix)}


def _lost(project: str, configuration: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each key that nobody would read: without a namespace, or with a misspelt one."""
    for key in configuration:
        namespace, colon, name = str(key).partition(":")
        if not colon:
            yield f"{key}: has no namespace, so nothing reads it; write {project}:{key}"
        elif namespace != project and difflib.get_close_matches(namespace, [project], cutoff=_MISSPELT):
            yield f"{key}: is in namespace {namespace!r}, so nothing reads it; did you mean {project}:{name}?"


def _plain(value: Any) -> Any:
    """Pulumi hands groups over as JSON text and scalars as text; pydantic reads numbers from text itself."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value
