"""Text for other programs and for people: JSON in few lines, durations of Go, templates of Go."""

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


_SECOND = 1000
_ROUNDING = 1e-6


def go_duration(seconds: float) -> str:
    """Return `seconds` in the form of Go's `time.Duration.String`: `500ms`, `30s`, `1m30s`, `1h0m0s`.

    Raises:
        ValueError: for a duration that is not positive or finer than a millisecond.
    """
    milliseconds = round(seconds * _SECOND)
    if milliseconds <= 0 or abs(milliseconds - seconds * _SECOND) > _ROUNDING:
        raise ValueError(f"a duration must be positive and in whole milliseconds, like 0.5; got {seconds}")
    if milliseconds < _SECOND:
        return f"{milliseconds}ms"
    whole, fraction = divmod(milliseconds, _SECOND)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    tail = f"{secs}.{fraction:03d}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail


def literally(text: str) -> str:
    """Return `text` so that the engine writes it as it is, whatever braces it has."""
    # Only this begins an action; what ends one is text everywhere else.
    return text.replace("{{", '{{"{{"}}')


def as_whole(value: Any) -> Any:
    """Return a number as the whole one that it is, and anything else as it is: Pulumi has floating numbers only."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
