"""The one reader of Pulumi configuration."""

import contextlib
import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import ValidationError

from .errors import OF_A_FILE, SettingsError, explain
from .model import Settings
from .stack_file import StackFile
from .values.dates import date_printed

_MISSPELT = 0.8
"""From this likeness on (0 to 1), another namespace is taken for a misspelt one."""


def load_settings() -> Settings:
    """Read and check the configuration of the current stack.

    Raises:
        SettingsError: with one line for each mistake, all of them at once.
    """
    configuration = runtime_config.CONFIG.get() or runtime_config.get_config_env()
    project, file = pulumi.get_project(), Path(f"Pulumi.{pulumi.get_stack()}.yaml")
    if file.is_file():
        # Below a misspelt `config:`, say, Pulumi sees nothing, and a stack of defaults would come up.
        StackFile.read(file, project)
    return settings_of(project, configuration, file.name)


def settings_of(project: str, configuration: Mapping[str, Any], source: str) -> Settings:
    """Check the `configuration` of a stack, keys with their namespace. `source` is named in errors.

    Raises:
        SettingsError: with one line for each mistake, all of them at once.
    """
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
        return Settings.model_validate(values, by_alias=True, by_name=False, context=OF_A_FILE)
    except ValidationError as error:
        raise SettingsError(source, explain(error, Settings, values)) from None


def keys_of(project: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of `project` without their namespace; those of others, such as `docker:host`, are left out.

    Pulumi's own reader has no way to list them, and a typo must not pass.
    """
    prefix = f"{project}:"
    # A key with nothing below it says nothing; Pulumi hands it over as empty text.
    return {
        key.removeprefix(prefix): {} if value in (None, "") else _plain(value)
        for key, value in configuration.items()
        if key.startswith(prefix)
    }


def _lost(project: str, configuration: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each key that nobody would read: its namespace is misspelt."""
    for key in configuration:
        namespace, _, name = str(key).partition(":")
        if namespace != project and difflib.get_close_matches(namespace, [project], cutoff=_MISSPELT):
            yield f"{key}: is in namespace {namespace!r}, so nothing reads it; did you mean {project}:{name}?"


def _plain(value: Any) -> Any:
    """Pulumi hands groups over as JSON text and scalars as text; pydantic reads numbers from text itself."""
    if isinstance(value, str) and value[:1] in "{[":
        with contextlib.suppress(json.JSONDecodeError):
            value = json.loads(value)
    return _as_written(value)


def _as_written(value: Any) -> Any:
    """Undo what Pulumi makes of a date without quotes: `2024-01-31` comes as `2024-01-31 00:00:00 +0000 UTC`."""
    if isinstance(value, dict):
        return {key: _as_written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    return (date_printed(value) or value) if isinstance(value, str) else value
