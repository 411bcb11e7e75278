"""The file of a stack, `Pulumi.<stack>.yaml`, as Pulumi reads it."""

import difflib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .yaml_file import parse_yaml

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
