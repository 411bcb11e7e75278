"""Dates without quotes in a stack file: what Pulumi takes for one, and the text that it stands for.

Pulumi hands `2024-01-31` over as `2024-01-31 00:00:00 +0000 UTC`. Plan and program both make the same text of it, that
of ISO 8601; where no time was said, or midnight in UTC, it is the date alone.
"""

import calendar
import re

_LAST = {"month": 12, "hour": 23, "minute": 59, "second": 59}
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
    if any(int(found[name] or 0) > last for name, last in _LAST.items()):
        return None
    month = int(found["month"])
    if not (month and 1 <= int(found["day"]) <= calendar.monthrange(int(found["year"]), month)[1]):
        return None
    return _text(found)


def date_printed(text: str) -> str | None:
    """Return the date that Pulumi has printed, as text; `None` when it is none."""
    found = _PRINTED.fullmatch(text)
    return _text(found) if found else None


def _text(found: re.Match[str]) -> str:
    date = f"{found['year']}-{int(found['month']):02}-{int(found['day']):02}"
    time = ":".join(f"{int(found[name] or 0):02}" for name in ("hour", "minute", "second"))
    part = (found["part"] or "").rstrip("0")
    zone = (found["zone"] or "Z").replace(":", "")
    zone = "Z" if zone in ("Z", "+0000", "-0000") else f"{zone[:3]}:{zone[3:]}"
    if (time, part, zone) == ("00:00:00", "", "Z"):
        return date
    return f"{date}T{time}{'.' if part else ''}{part}{zone}"
