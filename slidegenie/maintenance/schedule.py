"""Timers of the Docker host that run the commands: systemd's, or cron where there is no systemd.

Not containers: scanning, cleaning and pulling need the engine, and who has the engine's socket is root on the host. The
user who brings the stack up has that right already; no second holder of it, awake day and night, is added.
docs/decisions/0011-maintenance.md weighs it.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.settings.sections.monitoring import MaintenanceSettings, Weekday

from ..console import Problem, echo, info
from ..engine.docker import last_line
from .records import Task

_DAY = 86_400
_INTERVALS = {Task.SCAN: _DAY, Task.CLEAN: 7 * _DAY, Task.FRESHNESS: 7 * _DAY}
"""Seconds between two runs."""
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
    python: Path
    """The interpreter of its environment."""
    environment: Mapping[str, str]
    """What the commands need to find state, engine and tools."""
    settings: MaintenanceSettings
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


_RUNNING = Path("/run/systemd/system")
"""The folder that is there where systemd runs."""
_PASSED_ON = (
    *("SLIDEGENIE_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PATH"),
    *("DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_CONFIG"),
)
"""What the commands go by, and a timer would not know. No secret is among them: units can be read by everybody."""


def install(label: str, root: Path, settings: MaintenanceSettings) -> dict[Task, int]:
    """Install or renew the timers of a stack; return the seconds between two runs of each task.

    Raises:
        Problem: when this host has neither systemd nor cron, or the tasks would miss the passphrase.
    """
    if "PULUMI_CONFIG_PASSPHRASE" in os.environ and "PULUMI_CONFIG_PASSPHRASE_FILE" not in os.environ:
        raise Problem(
            "a timer does not have your environment: write the passphrase into a file only you can read, and set"
            " PULUMI_CONFIG_PASSPHRASE_FILE instead of PULUMI_CONFIG_PASSPHRASE"
        )
    job = ScheduledTasks(
        label=label,
        root=root,
        python=Path(sys.executable),
        environment={name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)},
        settings=settings,
        as_root=os.geteuid() == 0,
    )
    if _RUNNING.is_dir():
        _into_systemd(job)
    elif shutil.which("crontab"):
        _crontab_of(job.crontab(_crontab()))
        info(f"the user's crontab has the {len(Task)} tasks of stack {label}; `crontab -l` shows them")
    else:
        lines = "\n".join(f"  {line}" for line in job.crontab("").splitlines())
        raise Problem(f"neither systemd nor cron is here: let whatever starts things on this host run\n{lines}")
    return _INTERVALS


def remove(label: str) -> None:
    """Remove the timers of a stack, wherever an earlier call put them."""
    name = label.replace("/", "-")
    timers = [f"{name}-{task.value}.timer" for task in Task]
    present = [timer for timer in timers if (_folder() / timer).exists()]
    if present and _RUNNING.is_dir():
        _systemctl("disable", "--now", *present)
    for timer in present:
        (_folder() / timer).unlink()
        (_folder() / timer).with_suffix(".service").unlink(missing_ok=True)
    if present and _RUNNING.is_dir():
        _systemctl("daemon-reload")
    if shutil.which("crontab") and (left := without(before := _crontab(), name)) != before:
        _crontab_of(left)
        present.append("crontab")
    info(f"removed {', '.join(present)}" if present else f"there were no timers of stack {label}")


def _into_systemd(job: ScheduledTasks) -> None:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    units = job.units()
    for name, content in units.items():
        (folder / name).write_text(content, encoding="utf-8")
    _systemctl("daemon-reload")
    timers = [name for name in units if name.endswith(".timer")]
    _systemctl("enable", "--now", *timers)
    info(f"wrote {len(units)} units to {folder}; `{_command()} list-timers` shows when they run next")
    if not job.as_root:
        echo(f"    they run while you are logged in; `sudo loginctl enable-linger {os.environ.get('USER', '$USER')}`")
        echo("    lets them run always")


def _folder() -> Path:
    if os.geteuid() == 0:
        return Path("/etc/systemd/system")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _command() -> str:
    return "systemctl" if os.geteuid() == 0 else "systemctl --user"


def _systemctl(*args: str) -> None:
    _run([*_command().split(), *args])


def _crontab() -> str:
    """Return the user's crontab; one who has none gets an error from cron, and has none."""
    done = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)  # noqa: S607
    return done.stdout if done.returncode == 0 else ""


def _crontab_of(content: str) -> None:
    _run(["crontab", "-"], content)


def _run(command: list[str], content: str | None = None) -> None:
    done = subprocess.run(command, input=content, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        raise Problem(f"`{' '.join(command)}` failed: {last_line(done.stderr or done.stdout)}")
