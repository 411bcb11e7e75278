"""The one reader of Pulumi configuration: of a stack's file, `Pulumi.<stack>.yaml`, and of what Pulumi hands over."""

import contextlib
import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import ValidationError

from .errors import OF_A_FILE, SettingsError, explain
from .model import Settings
from .yaml_file import date_printed, parse_yaml

_KEYS = ("config", "encryptedkey", "encryptionsalt", "environment", "secretsprovider")
"""What Pulumi looks for in it; it passes over everything else without a word."""
_WANTED = "its keys go below `config:`, each as `<project>:<section>:` with the section's settings below it"


@dataclass(frozen=True)
class StackFile:
    """One stack file."""

    name: str
    """The file's name."""
    document: dict[str, Any]
    """All of it, for who writes it again."""
    configuration: dict[str, Any]
    """The configuration by keys with their namespace. An encrypted value is a group with the one key `secure`."""

    @classmethod
    def read(cls, file: Path, project: str) -> "StackFile":
        """Read the file of a stack of `project`; a key without a namespace is the project's.

        Raises:
            SettingsError: when it cannot be read, or says something that Pulumi passes over or refuses.
        """
        try:
            document = parse_yaml(file.read_bytes(), file.name)
        except OSError as error:
            raise SettingsError(file.name, [f"cannot be read ({error.strerror})"]) from None
        if document is None:
            document = {}
        if not isinstance(document, dict):
            raise SettingsError(file.name, [f"must be a group of keys; got {document!r:.60}; {_WANTED}"])
        if problems := [_unknown(key) for key in document if key not in _KEYS]:
            raise SettingsError(file.name, problems)
        configuration = document.get("config")
        if configuration is None:
            configuration = {}
        if not isinstance(configuration, dict):
            raise SettingsError(file.name, [f"config: must be a group of keys; got {configuration!r:.60}; {_WANTED}"])
        named = {key: _full(key, project) for key in configuration}
        if wrong := sorted(key for key, full in named.items() if full.count(":") != 1):
            raise SettingsError(file.name, [f"{key}: must be written as <project>:<section>" for key in wrong])
        if twice := sorted(full for full, times in Counter(named.values()).items() if times > 1):
            said = "is written in two ways, such as with and without its namespace; keep one"
            raise SettingsError(file.name, [f"{key}: {said}" for key in twice])
        return cls(file.name, document, {named[key]: value for key, value in configuration.items()})


def _unknown(key: Any) -> str:
    near = difflib.get_close_matches(str(key).lower(), _KEYS, n=1, cutoff=0.7)
    meant = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(_KEYS)}; {_WANTED}"
    return f"{key}: is no key of a stack file, and Pulumi passes over it; {meant}"


def _full(key: str, project: str) -> str:
    """Return a key with its namespace. `project:config:name` is what Pulumi once wrote for `project:name`."""
    namespace, colon, name = key.partition(":")
    return f"{namespace}:{name.removeprefix('config:')}" if colon else f"{project}:{key}"


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
