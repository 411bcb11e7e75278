"""Write YAML as Docker Compose reads it: without anchors, and with nothing left to interpolate by accident."""

import re
from typing import Any

import yaml

_NUMBER_ELSEWHERE = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|0[oO]?[0-7_]+|0x[0-9a-fA-F_]+|[yYnN]")
"""What YAML 1.2 readers, such as Compose, take for something else than text while PyYAML does not."""


class Interpolated(str):
    """Text whose variables Compose is meant to replace."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's name
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Write text; a dollar sign is doubled, else Compose would look for a variable."""
    return _interpolated(dumper, Interpolated(value.replace("$", "$$")))


def _interpolated(dumper: yaml.SafeDumper, value: Interpolated) -> yaml.ScalarNode:
    style = "|" if "\n" in value else "'" if _NUMBER_ELSEWHERE.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)


def _keys_as_they_are(value: Any) -> Any:
    """Compose replaces variables in values, and never in keys."""
    if isinstance(value, dict):
        return {
            Interpolated(key) if isinstance(key, str) else key: _keys_as_they_are(item) for key, item in value.items()
        }
    return [_keys_as_they_are(item) for item in value] if isinstance(value, list) else value


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Interpolated, _interpolated)


def compose_yaml(value: dict[str, Any]) -> str:
    """Return `value` as YAML, keys in their own order."""
    return yaml.dump(_keys_as_they_are(value), Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)
