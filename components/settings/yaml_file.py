"""Read YAML that somebody wrote by hand, with the meaning it has for Pulumi.

Pulumi reads YAML 1.2 with a little of 1.1: `on`, `off`, `yes` and `no` are text, so is `12:30`, and a key that is
written twice is a mistake. Dates become text, as in JSON. Tags are refused: no file of the platform needs one.

Pulumi hands the date `2024-01-31` over as `2024-01-31 00:00:00 +0000 UTC`. Plan and program both make the same text of
it, that of ISO 8601; where no time was said, or midnight in UTC, it is the date alone.
"""

import calendar
import math
import re
from pathlib import Path
from typing import Any

import yaml

from .errors import SettingsError

_MOST_BYTES = 128 * 1024
"""Pulumi hands the configuration to the program in one environment variable, of which the kernel takes no more."""
_MOST_VALUES = 20_000
"""After what an anchor says was copied to each place that names it."""
_DEEPEST = 50

_CORE = "tag:yaml.org,2002:"
_MERGE = f"{_CORE}merge"
_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), ("bool", True)),
    **dict.fromkeys(("false", "False", "FALSE"), ("bool", False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), ("null", None)),
    "<<": ("merge", "<<"),
}
_INTEGER = re.compile(r"[-+]?(0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGERS = range(-(2**63), 2**64)
"""What an integer is to Go; beyond it is a number with an exponent."""
_LONGEST = 70
"""Characters of the longest of them, in binary, and a few more."""


def _plain(text: str) -> tuple[str, Any]:
    """Return kind and value of a value without quotes, as the YAML library of Pulumi (yaml.v3 of Go) has them."""
    if text in _WORDS:
        return _WORDS[text]
    if (date := date_written(text)) is not None:
        return "timestamp", date
    # Underscores stand anywhere behind the first digit; behind a dot, between digits only.
    number = re.sub(r"(?<=[0-9])_(?=[0-9])", "", text) if text[0] == "." else text[0] + text[1:].replace("_", "")
    if len(number) < _LONGEST and _INTEGER.fullmatch(number) and (value := _integer(number)) in _INTEGERS:
        return "int", value
    if _NO_NUMBER.fullmatch(text):
        return "float", text
    if _FLOAT.fullmatch(number) and math.isfinite(float(number)):
        return "float", float(number)
    return "str", text


def _integer(text: str) -> int:
    sign, digits = (-1 if text[0] == "-" else 1), text.lstrip("+-")
    # A number that begins with 0 is octal.
    return sign * int(digits, 8 if re.fullmatch("0[0-7]+", digits) else 0)


class _Loader(yaml.SafeLoader):
    """PyYAML's reader, with the resolution of plain values, and the refusals, that Pulumi's has."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return _CORE + _plain(value)[0]
        return str(super().resolve(kind, value, (False, True)))  # type: ignore[no-untyped-call]

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

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Here, as a merge later puts keys of other groups beside those that are written.
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag == _MERGE:
                continue
            _make_text(key)
            if key.value in seen:
                raise _refused(f"has the key {key.value} twice, the first time in line {seen[key.value]}", key)
            seen[key.value] = key.start_mark.line + 1
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge: what is written counts, then the first of a list of groups.

        PyYAML's own way differs between releases: 6.0.4 loses a key of one letter that was written over, and 6.0.3
        copies keys as often as they are merged.
        """
        pairs = node.value
        # First, as a group may merge itself.
        node.value = written = [(key, value) for key, value in pairs if key.tag != _MERGE]
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in pairs:
            if key.tag != _MERGE:
                continue
            for group in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                if not isinstance(group, yaml.MappingNode):
                    raise _refused("merges what is no group: `<<` takes one, or a list of them", group)
                self.flatten_mapping(group)
                merged |= {pair[0].value: pair for pair in group.value}
        own = {key.value for key, _ in written}
        node.value = [pair for name, pair in merged.items() if name not in own] + written


def _make_text(key: yaml.Node) -> None:
    """Take a number or `true` for the text that Pulumi makes of it where it is a key."""
    kind = key.tag.removeprefix(_CORE)
    if not isinstance(key, yaml.ScalarNode) or kind not in ("str", "int", "bool"):
        raise _refused("has a key that is no text; write it in quotes", key)
    if kind != "str":
        key.value = str(_plain(key.value)[1]).lower()
    key.tag = f"{_CORE}str"


def _refused(what: str, at: Any) -> yaml.YAMLError:
    return yaml.YAMLError(f"line {at.start_mark.line + 1} {what}")


def _scalar(_loader: _Loader, node: yaml.ScalarNode) -> Any:
    if _NO_NUMBER.fullmatch(node.value):
        raise _refused(f"has {node.value}, which is no number: write one, or the text in quotes", node)
    return _plain(node.value)[1]


for _kind in ("null", "bool", "timestamp", "int", "float"):
    _Loader.add_constructor(_CORE + _kind, _scalar)


class _Dumper(yaml.SafeDumper):
    """Puts text in quotes that any reader of YAML, 1.1 or 1.2, would take for something else."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0] and (found := _plain(value)[0]) != "str":
            return _CORE + found
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's name
        return True


def write_yaml(value: dict[str, Any]) -> str:
    """Return `value` as text that Pulumi reads as just that, keys in their own order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


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
        loader = _Loader(content.decode())
        loader.name = source
        value = loader.get_single_data()
    except UnicodeDecodeError:
        raise SettingsError(source, ["is not UTF-8 text; save it as UTF-8"]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SettingsError(source, [f"is not YAML: {' '.join(str(error).split())}"]) from None
    _refuse_repetition(value, source)
    return value


def _refuse_repetition(value: Any, source: str) -> None:
    """Refuse what anchors make large, deep or endless; nothing of it has been copied yet."""
    left, found = [(value, 1)], 0
    while left:
        one, depth = left.pop()
        found += 1
        if depth > _DEEPEST or found > _MOST_VALUES:
            said = f"at most {_MOST_VALUES} values and {_DEEPEST} levels, with those that its anchors repeat"
            raise SettingsError(source, [f"must have {said}"])
        children = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        left.extend((child, depth + 1) for child in children)


_LAST_OF_TIME = {"month": 12, "hour": 23, "minute": 59, "second": 59}
_WRITTEN = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"((?P<between>[Tt ])(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2}):(?P<second>[0-9]{1,2})([.,](?P<part>[0-9]{1,9}))?"
    r"(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_PRINTED = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2}) (?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):"
    r"(?P<second>[0-9]{2})(\.(?P<part>[0-9]+))? (?P<zone>[-+][0-9]{4}) \S+"
)


def date_written(text: str) -> str | None:
    """Return the date that a plain value is to Pulumi, as text; `None` when it is none."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    # A blank before the time stands where no zone follows, and a letter where one does.
    if found["between"] and (found["between"] == " ") is (found["zone"] is not None):
        return None
    if any(int(found[name] or 0) > last for name, last in _LAST_OF_TIME.items()):
        return None
    month = int(found["month"])
    if not (month and 1 <= int(found["day"]) <= calendar.monthrange(int(found["year"]), month)[1]):
        return None
    return _iso_text(found)


def date_printed(text: str) -> str | None:
    """Return the date that Pulumi has printed, as text; `None` when it is none."""
    found = _PRINTED.fullmatch(text)
    return _iso_text(found) if found else None


def _iso_text(found: re.Match[str]) -> str:
    date = f"{found['year']}-{int(found['month']):02}-{int(found['day']):02}"
    time = ":".join(f"{int(found[name] or 0):02}" for name in ("hour", "minute", "second"))
    part = (found["part"] or "").rstrip("0")
    zone = (found["zone"] or "Z").replace(":", "")
    zone = "Z" if zone in ("Z", "+0000", "-0000") else f"{zone[:3]}:{zone[3:]}"
    if (time, part, zone) == ("00:00:00", "", "Z"):
        return date
    return f"{date}T{time}{'.' if part else ''}{part}{zone}"
