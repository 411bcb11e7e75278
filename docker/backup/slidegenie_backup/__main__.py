"""`python3 -m slidegenie_backup COMMAND`: what the schedule and the commands of the platform call."""

import argparse
import os
import sys
import time
from pathlib import Path

from .backup import back_up, check
from .config import Config
from .console import say
from .cron import longest_gap_seconds
from .drill import drill
from .metrics import Metrics
from .problems import Problem
from .repository import Repository
from .restore import PARTS, Restore

_CRONTAB = Path("/tmp/crontab")  # noqa: S108 - a private folder of the container
_ATTEMPTS, _PAUSE_SECONDS = 60, 2
_OFF = "off"
"""What a schedule says that never comes."""
_JOBS = {"backup": "backup", "drill": "restore_drill"}
"""Scheduled commands and the job whose metrics tell when they are late."""


def start(config: Config) -> None:
    """Become the scheduler."""
    for command, job in _JOBS.items():
        when = config.schedules.get(command)
        if when == _OFF:
            Metrics(config, job).unscheduled()
        elif when is not None:
            Metrics(config, job).scheduled(longest_gap_seconds(when))
    if "backup" in config.schedules:
        _settle(config)
    due = {command: when for command, when in config.schedules.items() if when != _OFF}
    # Without a line in its table it waits all the same, for who runs a command by hand.
    lines = (f"{when} python3 -m slidegenie_backup {command}\n" for command, when in due.items())
    _CRONTAB.write_text("".join(lines), encoding="utf-8")
    os.execvp("supercronic", ["supercronic", "-passthrough-logs", str(_CRONTAB)])  # noqa: S606, S607 - no shell


def _settle(config: Config) -> None:
    """Settle a restore that was killed with its container. After a restart of the host, the stores take a while."""
    restore = Restore(config)
    for attempt in range(_ATTEMPTS):
        if not restore.unfinished():
            return
        try:
            restore.settle()
        except Problem as problem:
            say(f"{problem} (attempt {attempt + 1} of {_ATTEMPTS})")
            time.sleep(_PAUSE_SECONDS)


def show_snapshots(config: Config) -> None:
    """Print the snapshots, the newest first."""
    repository = Repository(config, read_only=True)
    repository.open()
    for snapshot in reversed(repository.snapshots()):
        print(f"{snapshot.identity[:8]}  {snapshot.time[:19].replace('T', ' ')}  {snapshot.host}")  # noqa: T201


def main() -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="slidegenie_backup", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("start", "backup", "admit", "list", "check", "drill", "commit", "finish", "abandon"):
        commands.add_parser(name)
    prepare = commands.add_parser("prepare")
    prepare.add_argument("snapshot")
    prepare.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    try:
        config = Config.read()
        table = {
            "start": lambda: start(config),
            "backup": lambda: back_up(config),
            "admit": lambda: Repository(config).admit(),
            "list": lambda: show_snapshots(config),
            "check": lambda: check(config, config.check_percent),
            "drill": lambda: drill(config),
            "prepare": lambda: Restore(config).prepare(options.snapshot, options.only),
            "commit": lambda: Restore(config).commit(),
            "finish": lambda: Restore(config).finish(),
            "abandon": lambda: Restore(config).abandon(),
        }
        table[options.command]()
    except Problem as problem:
        say(f"{options.command} failed: {problem}")
        return 1
    except OSError as error:
        say(f"{options.command} failed: {error.strerror or error}{f' ({error.filename})' if error.filename else ''}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
