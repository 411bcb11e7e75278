"""The one reader of Pulumi configuration."""

import json
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import ValidationError

from .errors import SettingsError, explain
from .model import Settings


def load_settings() -> Settings:
    """Read and check the configuration of the current stack.

    Raises:
        SettingsError: with one line for each mistake, all of them at once.
    """
    return parse_settings(_configuration(pulumi.get_project()), f"Pulumi.{pulumi.get_stack()}.yaml")


def parse_settings(values: dict[str, Any], source: str) -> Settings:
    """Check `values`, the keys of one stack without their namespace. `source` is named in errors.

    Raises:
        SettingsError: with one line for each mistake, all of them at once.
    """
    try:
        return Settings.model_validate(values, by_alias=True, by_name=False)
    except ValidationError as error:
        raise SettingsError(source, explain(error, Settings, values)) from None


def _configuration(project: str) -> dict[str, Any]:
    """Return all keys of `project`. Pulumi's own reader has no way to list them, and a typo must not pass."""
    everything = runtime_config.CONFIG.get() or runtime_config.get_config_env()
    prefix = f"{project}:"
    return {key.removeprefix(prefix): _plain(value) for key, value in everything.items() if key.startswith(prefix)}


def _plain(value: Any) -> Any:
    """Pulumi hands groups over as JSON text and scalars as text; pydantic reads numbers from text itself."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value
