"""How far apart the hours of a cron expression are: what is late is told by that."""

import datetime
import itertools
from collections.abc import Iterator

from .problems import Problem

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_DAYS = 5 * 366
"""A day in February of leap years only comes twice in these."""
_DAY_MINUTES = 24 * 60
_START = datetime.date(2024, 1, 1)


def longest_gap_seconds(expression: str) -> float:
    """Return the longest time between two runs; that of all the days looked at when it hardly ever runs.

    Raises:
        Problem: when it is no cron expression.
    """
    try:
        return _longest_gap_seconds(expression)
    except (ValueError, IndexError):
        raise Problem(f"the schedule must be five fields of cron, such as '0 1 * * *'; got {expression!r}") from None


def _longest_gap_seconds(expression: str) -> float:
    minutes, hours, days, months, weekdays = map(_values, expression.split(), _RANGES)
    restricted = [field != "*" for field in (expression.split()[2], expression.split()[4])]
    weekdays = {day % 7 for day in weekdays}

    def runs_on(day: datetime.date) -> bool:
        fits = (day.day in days, day.isoweekday() % 7 in weekdays)
        # Of two that are restricted, one is enough: so cron has it.
        return day.month in months and (any(fits) if all(restricted) else all(fits))

    times = sorted(hour * 60 + minute for hour in hours for minute in minutes)
    found = [number for number in range(_DAYS) if runs_on(_START + datetime.timedelta(number))]
    within = [after - before for before, after in itertools.pairwise(times)]
    between = [(after - before) * _DAY_MINUTES - times[-1] + times[0] for before, after in itertools.pairwise(found)]
    return 60.0 * max([*within, *between] if between else [_DAYS * _DAY_MINUTES])


def _values(field: str, limits: tuple[int, int]) -> set[int]:
    return set(itertools.chain.from_iterable(_part(part, limits) for part in field.split(",")))


def _part(part: str, limits: tuple[int, int]) -> Iterator[int]:
    span, _, step = part.partition("/")
    first, _, last = span.partition("-")
    low, high = limits if first == "*" else (int(first), int(last or (limits[1] if step else first)))
    return iter(range(low, high + 1, int(step or 1)))
