"""Schedules: what cron says, and supercronic takes for the same."""

import datetime
import re
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator

from ..refusal import refused

OFF = "off"
"""What a schedule says that never comes."""

_ITEM = r"([0-9]{1,2}|[0-9]{1,2}-[0-9]{1,2}(/[0-9]{1,2})?)"
_FIELD = rf"(\*(/[0-9]{{1,2}})?|{_ITEM}(,{_ITEM})*)"
_FORM = re.compile(rf"{_FIELD}( {_FIELD}){{4}}")
_VALUES = (60, 24, 31, 12, 7)
"""How many values each field has; a step has to be smaller."""
_DAY, _WEEKDAY = 2, 4
_EXAMPLE = "five fields of cron in UTC: minute, hour, day of the month, month, day of the week, like 30 4 * * 0"


def _problem(value: str) -> str | None:
    """Say why nobody, or not everybody, would run by `value`; `None` when all programs of its kind agree about it.

    Steps without a range (`5/10`), ranges of weekdays that end on 7, and a step in one of the two fields of days beside
    a restriction in the other are each read in two ways, so there is one way less to write them.
    """
    if not _FORM.fullmatch(value):
        return "each field is *, a number, a range like 1-5, several by commas; a step like /15 follows * or a range"
    fields = value.split(" ")
    for field, values in zip(fields, _VALUES, strict=True):
        if any(not 0 < int(step) < values for step in re.findall(r"/(\d+)", field)):
            return f"a step in {field} is not between 1 and {values - 1}"
        if any(int(first) >= int(last) for first, last in re.findall(r"(\d+)-(\d+)", field)):
            return f"a range in {field} does not go upwards"
    return _problem_of_days(value, (fields[_DAY], fields[_WEEKDAY]))


def _problem_of_days(value: str, days: tuple[str, str]) -> str | None:
    if "-7" in days[1]:
        return "a range of weekdays ends on 6 at most; Sunday is 0, or 7 alone"
    if "*" not in days and any(field.startswith("*/") for field in days):
        return "a step over all days cannot stand beside the other field of days; name the days, or say * in one"
    try:
        CronSim(value, datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC))
    except CronSimError as error:
        field = str(error).removeprefix("Bad ").replace("-", " ")
        return f"no such {field}" if "day of month" not in field else "no such day of the month, in the months it names"
    return None


def _schedule(value: str) -> str:
    if problem := _problem(value):
        raise refused(_EXAMPLE, value, problem)
    return value


def _schedule_or_off(value: str) -> str:
    if value != OFF and (problem := _problem(value)):
        raise refused(f"{_EXAMPLE}, or {OFF}", value, problem)
    return value


Schedule = Annotated[str, AfterValidator(_schedule)]
"""Five fields of cron in UTC: minute, hour, day of the month, month, day of the week."""
ScheduleOrOff = Annotated[str, AfterValidator(_schedule_or_off)]
"""The same, or `off`."""
