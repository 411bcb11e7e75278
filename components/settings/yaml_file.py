"""Read YAML that somebody wrote by hand, with the meaning it has for Pulumi.

Pulumi reads YAML 1.2 with a little of 1.1: `on`, `off`, `yes` and `no` are text, so is `12:30`, and a key that is
written twice is a mistake. Dates become text, as in JSON. Tags are refused: no file of the platform needs one.
"""

import datetime
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, ClassVar

import yaml

from .errors import SettingsError

_MOST_BYTES = 256 * 1024
_MOST_VALUES = 20_000
"""After what an anchor says was copied to each place that names it."""
_DEEPEST = 50

_INTEGER = re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*|0)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ]+[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]*)?.*)?")


class _Loader(yaml.SafeLoader):
    """PyYAML's reader, with the resolution of plain values, and the refusals, that Pulumi's has."""

    # PyYAML's stubs take it for an attribute of each instance.
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) not in (None, "!"):
            raise _refused(f"has the tag {event.tag}, and tags are not read here: write the plain value", event)
        self._depth = getattr(self, "_depth", 0) + 1
        if self._depth > _DEEPEST:
            raise _refused(f"is nested more than {_DEEPEST} levels deep", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("has a key that is no text", key)
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise _refused(f"has the key {key.value} twice, the first time in line {seen[key.value]}", key)
            seen[key.value] = line
        return super().construct_mapping(node, deep)


def _refused(what: str, at: Any) -> yaml.YAMLError:
    return yaml.YAMLError(f"line {at.start_mark.line + 1} {what}")


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    sign, digits = (-1 if text[0] == "-" else 1), text.lstrip("+-")
    # As in Go: a number that begins with 0 is octal.
    return sign * int(digits, 8) if re.fullmatch(r"0[0-7]+", digits) else sign * int(digits, 0)


def _date(loader: _Loader, node: yaml.ScalarNode) -> str:
    """Return a date as text; one that no calendar has stays as it is, and who expects a date says what is wrong."""
    try:
        moment = loader.construct_yaml_timestamp(node)
    except ValueError:
        return str(node.value)
    if not isinstance(moment, datetime.datetime):
        return moment.isoformat()
    return date_text(moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC))


def date_text(moment: datetime.datetime) -> str:
    """Return a moment as a stack file has it: its date alone where that is all that was said."""
    if moment == datetime.datetime.combine(moment.date(), datetime.time(), datetime.UTC):
        return moment.date().isoformat()
    return moment.isoformat().replace("+00:00", "Z")


for _kind, _pattern, _first in (
    ("null", re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")),
    ("timestamp", _DATE, list("0123456789")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", _FLOAT, list("-+0123456789.")),
    ("merge", re.compile("<<"), ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern.pattern})\Z"), _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)


def read_yaml(file: Path, key: str) -> Any:
    """Return what `file` says; `key` is the setting that names it.

    Raises:
        SettingsError: when it cannot be read.
    """
    try:
        return parse_yaml(file.read_bytes(), str(file))
    except OSError as error:
        raise SettingsError(str(file), [f"cannot be read ({error.strerror}); see {key}"]) from None


def parse_yaml(content: bytes, source: str) -> Any:
    """Return what a file says whose name is `source`.

    Raises:
        SettingsError: when it is no YAML, or more of it than anybody writes by hand.
    """
    if len(content) > _MOST_BYTES:
        raise SettingsError(source, [f"must have at most {_MOST_BYTES // 1024} KiB; it has {len(content) // 1024}"])
    try:
        value = _Loader(content.decode()).get_single_data()
    except UnicodeDecodeError:
        raise SettingsError(source, ["is not UTF-8 text; save it as UTF-8"]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SettingsError(source, [f"is not YAML: {' '.join(str(error).split())}"]) from None
    if _values(value, _MOST_VALUES) < 0:
        raise SettingsError(source, [f"must have at most {_MOST_VALUES} values, with those that its anchors repeat"])
    return value


def _values(value: Any, left: int) -> int:
    """Return how many values are still allowed after `value`; below zero it is not counted to the end."""
    left -= 1
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        if left < 0:
            break
        left = _values(child, left)
    return left
