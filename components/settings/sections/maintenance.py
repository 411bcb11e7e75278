"""The settings of the maintenance: when it runs, and what it keeps."""

import enum
from typing import Annotated

from pydantic import Field

from ..base import Section

Moment = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["02:00"])]
"""A time of day on the Docker host, `HH:MM`."""


class Weekday(enum.Enum):
    """A day of the week, as timers of systemd call it."""

    MONDAY = "Mon"
    TUESDAY = "Tue"
    WEDNESDAY = "Wed"
    THURSDAY = "Thu"
    FRIDAY = "Fri"
    SATURDAY = "Sat"
    SUNDAY = "Sun"


class MaintenanceSettings(Section):
    """What `make schedule` has done on the Docker host, and what `make clean` keeps."""

    scan_at: Moment = "02:00"
    """Time of the daily scan, by the clock of the host."""
    clean_on: Weekday = Weekday.SUNDAY
    """Day of the weekly cleanup."""
    clean_at: Moment = "03:00"
    """Time of the weekly cleanup, by the clock of the host."""
    freshness_on: Weekday = Weekday.MONDAY
    """Day of the weekly look for newer base images."""
    freshness_at: Moment = "04:00"
    """Time of the weekly look for newer base images, by the clock of the host."""
    keep_releases: Annotated[int, Field(ge=1, le=50)] = 5
    """Images of this many last releases stay; those of the application's last five in any case, for `make rollback`."""
    cache_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Build cache that was not used for this many days goes."""
