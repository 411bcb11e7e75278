"""Write YAML as Docker Compose reads it: without anchors, in few lines, and with nothing to interpolate by accident."""

import io
import re
from typing import Any

import yaml

_NUMBER_ELSEWHERE = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|0[oO]?[0-7_]+|0x[0-9a-fA-F_]+|[yYnN]")
"""What YAML 1.2 readers, such as Compose, take for something else than text while PyYAML does not."""


_WIDTH = 120
"""Columns of a line that says all of a group or list."""
_ENTRY = 2
"""How deep services, networks and the like are: what is above them has a line for each of them."""


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
    """Return `value` as YAML, keys in their own order: below a service or its like, what fits on a line is on one."""
    node = _Dumper(io.StringIO(), sort_keys=False).represent_data(_keys_as_they_are(value))
    _lay_out(node, before=0, indent=-2, depth=0)
    return _serialized(node)


def _lay_out(node: yaml.Node, *, before: int, indent: int, depth: int) -> None:
    """Let `node` be written, which stands behind `before` columns of a line that is indented by `indent`."""
    if not isinstance(node, yaml.CollectionNode):
        return
    node.flow_style = True
    # Written out is only what may fit: a large group would be written again for each level of it.
    if depth >= _ENTRY and before + _least(node) <= _WIDTH:
        line = _serialized(node).rstrip("\n")
        if before + len(line) <= _WIDTH and "\\n" not in line:
            return
    node.flow_style = False
    inner = indent + 2
    for item in node.value:
        key, below = item if isinstance(node, yaml.MappingNode) else (None, item)
        start = len(f"{key.value}: ") if key else len("- ")
        _lay_out(below, before=inner + start, indent=inner, depth=depth + 1)


def _least(node: yaml.Node) -> int:
    """Return how many columns a node takes at least on one line: its scalars without any quotes."""
    if isinstance(node, yaml.MappingNode):
        return sum(_least(key) + _least(value) for key, value in node.value)
    return sum(map(_least, node.value)) if isinstance(node, yaml.SequenceNode) else len(node.value)


def _serialized(node: yaml.Node) -> str:
    return yaml.serialize(node, Dumper=_Dumper, width=1000, allow_unicode=True)
