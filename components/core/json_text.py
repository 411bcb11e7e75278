"""JSON for people, in few lines."""

import json
from typing import Any

_WIDTH = 120
"""Columns of a line, with its indent and what closes or follows its last item."""


def json_text(value: Any, *, sort_keys: bool = False) -> str:
    """Return `value` as JSON, as many items on a line as 120 columns hold; only a longer text makes a longer line."""
    return _lines(json.loads(json.dumps(value, sort_keys=sort_keys)), before=0, indent=0, after=0) + "\n"


def _lines(value: Any, *, before: int, indent: int, after: int) -> str:
    """Return the text of `value`.

    It begins behind `before` columns of its first line, its further lines are indented by `indent`, and `after` columns
    follow its last one.
    """
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or before + len(line) + after <= _WIDTH:
        return line
    if isinstance(value, dict):
        brackets, items = "{}", [(f"{json.dumps(key, ensure_ascii=False)}: ", item) for key, item in value.items()]
    else:
        brackets, items = "[]", [("", item) for item in value]
    inner, column, text, shared = indent + 1, before + 1, brackets[0], True
    for number, (key, item) in enumerate(items, 1):
        behind = len(",") if number < len(items) else after + 1
        whole = len(key) + len(json.dumps(item, ensure_ascii=False))
        space = len(", ") if number > 1 else 0
        fits = column + space + whole + behind <= _WIDTH
        alone = inner + whole + behind <= _WIDTH
        # A group of several lines may begin behind the bracket that it is the first item of; a text that is longer than
        # a line would be so on any line.
        anywhere = not alone and (number == 1 or not isinstance(item, dict | list))
        if shared and (fits or anywhere):
            text, column = text + ", "[:space], column + space
        else:
            text, column = text + ","[:space] + "\n" + " " * inner, inner
        text += key + _lines(item, before=column + len(key), indent=inner, after=behind)
        column, shared = column + whole, alone
    return text + brackets[1]
