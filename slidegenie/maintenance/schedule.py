"""Timers of the Docker host that run the commands: systemd's, or cron where there is no systemd.

Not containers: scanning, cleaning and pulling need the engine, and who has the engine's socket is root on the host. The
user who brings the stack up has that right already; no second holder of it, awake day and night, is added.
docs/decisions/0011-maintenance.md weighs it.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.settings.sections.monitoring import MaintenanceSettings, Weekday

from .ledger import Task

DAY = 86_400
_DAYS = {Task.SCAN: 1, Task.CLEAN: 7, Task.FRESHNESS: 7}
_ABOUT = {
    Task.SCAN: "scan of what runs",
    Task.CLEAN: "removal of its own unused images, containers and build cache",
    Task.FRESHNESS: "look for newer base images",
}
_CRON_DAY = {
    day: number for number, day in enumerate((Weekday.SUNDAY, *(d for d in Weekday if d is not Weekday.SUNDAY)))
}
_UNIT = """\
# Written by `make schedule`; `make unschedule` removes it.
[Unit]
Description=SlideGenie {label}: {about}
Wants=network-online.target
After=network-online.target docker.service

[Service]
Type=oneshot
WorkingDirectory={root}
{environment}ExecStart={command}
Nice=10
IOSchedulingClass=idle
NoNewPrivileges=yes
TimeoutStartSec=3h
{more}"""
_OF_ROOT = """\
ProtectSystem=full
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
"""
"""Only the manager of the whole system can keep these promises everywhere.

Not PrivateTmp: a tool may run as a container, which is given a folder of /tmp, and the engine looks for that in the
host's. It would make an empty one there, owned by root, and the scan would find no image.
"""
_TIMER = """\
# Written by `make schedule`; `make unschedule` removes it.
[Unit]
Description=SlideGenie {label}: {about}

[Timer]
OnCalendar={when}
# A host that was off at that time catches up; many hosts do not ask one registry in the same second.
Persistent=true
RandomizedDelaySec=10m

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True, kw_only=True)
class ScheduledTasks:
    """The tasks of one stack on this machine."""

    label: str
    """`project/stack`."""
    root: Path
    """The checkout."""
    python: Path
    """The interpreter of its environment."""
    environment: Mapping[str, str]
    """What the commands need to find state, engine and tools."""
    settings: MaintenanceSettings
    """When."""
    as_root: bool
    """Whether the timers are the system's, and not a user's."""

    @property
    def name(self) -> str:
        """What units and marks are called."""
        return self.label.replace("/", "-")

    def command(self, task: Task) -> list[str]:
        """Return the command line of a task."""
        stack = self.label.rpartition("/")[2]
        return [str(self.python), "-m", "slidegenie", "--stack", stack, task.value]

    def units(self) -> dict[str, str]:
        """Return systemd's files by name."""
        files = {}
        for task in Task:
            stem = f"{self.name}-{task.value}"
            variables = (
                f"Environment={_quoted(f'{key}={value}')}\n" for key, value in sorted(self.environment.items())
            )
            program, *arguments = self.command(task)
            # To systemd a dollar sign means something in arguments, and nothing in the path of the program.
            command = " ".join([_quoted(program), *(_quoted(part).replace("$", "$$") for part in arguments)])
            values = {"label": self.label, "about": _ABOUT[task]}
            files[f"{stem}.service"] = _UNIT.format(
                **values,
                root=str(self.root).replace("%", "%%"),
                environment="".join(variables),
                command=command,
                more=_OF_ROOT if self.as_root else "",
            )
            files[f"{stem}.timer"] = _TIMER.format(**values, when=self._calendar(task))
        return files

    def crontab(self, existing: str) -> str:
        """Return a crontab with the tasks in it, in place of what an earlier call put there."""
        lines = [self._cron_line(task) for task in Task]
        return without(existing, self.name) + "\n".join([_begin(self.name), *lines, _end(self.name), ""])

    def _calendar(self, task: Task) -> str:
        at, day = self._moment(task)
        return f"{day.value + ' ' if day else ''}*-*-* {at}:00"

    def _cron_line(self, task: Task) -> str:
        at, day = self._moment(task)
        hour, minute = at.split(":")
        variables = [f"{key}={shlex.quote(value)}" for key, value in sorted(self.environment.items())]
        run = " ".join([*variables, *map(shlex.quote, self.command(task))])
        # To cron a percent sign is the end of the line.
        escaped = f"cd {shlex.quote(str(self.root))} && {run}".replace("%", r"\%")
        return f"{int(minute)} {int(hour)} * * {_CRON_DAY[day] if day else '*'} {escaped}"

    def _moment(self, task: Task) -> tuple[str, Weekday | None]:
        settings = self.settings
        return {
            Task.SCAN: (settings.scan_at, None),
            Task.CLEAN: (settings.clean_at, settings.clean_on),
            Task.FRESHNESS: (settings.freshness_at, settings.freshness_on),
        }[task]


def intervals() -> dict[Task, int]:
    """Return the seconds between two runs of each task."""
    return {task: days * DAY for task, days in _DAYS.items()}


def without(crontab: str, name: str) -> str:
    """Return a crontab without what `make schedule` put there for a stack; everybody else's lines stay as they are."""
    kept, inside = [], False
    for line in crontab.splitlines():
        inside = inside or line == _begin(name)
        if not inside:
            kept.append(line)
        inside = inside and line != _end(name)
    return "".join(f"{line}\n" for line in kept)


def _begin(name: str) -> str:
    return f"# begin {name}: written by `make schedule`, removed by `make unschedule`"


def _end(name: str) -> str:
    return f"# end {name}"


def _quoted(part: str) -> str:
    """Quote for systemd, to which a percent sign means something everywhere."""
    return '"' + part.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
