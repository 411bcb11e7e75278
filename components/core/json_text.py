"""JSON for people: whatever fits on a line stands on one."""

import json
from typing import Any

_WIDTH = 120
"""Columns of a line, with its indent, its key and the comma behind it."""


def json_text(value: Any, *, sort_keys: bool = False) -> str:
    """Return `value` as JSON: what has up to 120 columns on one line, else an item a line, indented by two."""
    return _lines(json.loads(json.dumps(value, sort_keys=sort_keys)), before=0, indent="") + "\n"


def _lines(value: Any, *, before: int, indent: str) -> str:
    """Return the text of `value`, which stands behind `before` columns of a line that is indented by `indent`."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or before + len(line) + len(",") <= _WIDTH:
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        opening, closing = "{", "}"
        items = [(f"{inner}{json.dumps(key, ensure_ascii=False)}: ", item) for key, item in value.items()]
    else:
        opening, closing = "[", "]"
        items = [(inner, item) for item in value]
    texts = [start + _lines(item, before=len(start), indent=inner) for start, item in items]
    return f"{opening}\n" + ",\n".join(texts) + f"\n{indent}{closing}"
