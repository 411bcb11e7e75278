"""Put the timers of `slidegenie/maintenance/schedule.py` into the host, and take them out again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from components.settings import MaintenanceSettings

from ..console import Problem, echo, info
from ..engine.docker import last_line
from .ledger import Task
from .schedule import ScheduledTasks, intervals, without

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
    return intervals()


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
