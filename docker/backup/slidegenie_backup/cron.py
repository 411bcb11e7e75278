"""How far apart the hours of a cron expression are: what is late is told by that."""

import datetime
import itertools

from cronsim import CronSim, CronSimError

from .problems import Problem

_START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
_DAY = datetime.timedelta(days=1)
_LONGEST = 5 * 366 * _DAY
"""A day in February of leap years only comes twice in these."""


def longest_gap_seconds(expression: str) -> float:
    """Return the longest time between two runs; that of all the days looked at when it hardly ever runs.

    Each day has the same times, so days and times are looked at one by one: every minute of five years would take one.

    Raises:
        Problem: when it is no cron expression.
    """
    try:
        minute, hour, day, month, weekday = expression.split()
        times = _runs(f"{minute} {hour} * * *", _DAY)
        dates = _runs(f"0 0 {day} {month} {weekday}", _LONGEST)
    except (CronSimError, ValueError):
        raise Problem(f"the schedule must be five fields of cron, such as '0 1 * * *'; got {expression!r}") from None
    within = [after - before for before, after in itertools.pairwise(times)]
    between = [after - before - (times[-1] - times[0]) for before, after in itertools.pairwise(dates)]
    return max([*within, *between] if between else [_LONGEST]).total_seconds()


def _runs(expression: str, span: datetime.timedelta) -> list[datetime.datetime]:
    # It looks for what comes after the minute it is given.
    found = CronSim(expression, _START - datetime.timedelta(minutes=1))
    return list(itertools.takewhile(lambda when: when < _START + span, found))
