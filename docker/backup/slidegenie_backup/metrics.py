"""What the monitoring reads: a `*.prom` file, rewritten whole whenever something is known."""

import json
import time

from .config import Config
from .files import read_json, write_whole

_HELP = {
    "slidegenie_backup_last_success_timestamp_seconds": "When this was last backed up.",
    "slidegenie_backup_last_start_timestamp_seconds": "When the last backup began.",
    "slidegenie_backup_last_end_timestamp_seconds": "When the last backup ended, good or bad.",
    "slidegenie_backup_success": "Whether the last backup was good.",
    "slidegenie_backup_duration_seconds": "How long the last good backup took.",
    "slidegenie_backup_size_bytes": "What the last good backup holds, before compression.",
    "slidegenie_backup_added_bytes": "What the last good backup added to the repository.",
    "slidegenie_backup_repository_size_bytes": "Size of the repository.",
    "slidegenie_backup_snapshots": "Snapshots in the repository.",
    "slidegenie_backup_retention_success": "Whether old snapshots could be removed.",
    "slidegenie_backup_check_success": "Whether the last check found the repository whole.",
    "slidegenie_backup_scheduled_since_timestamp_seconds": "Since when backups are scheduled.",
    "slidegenie_restore_drill_last_success_timestamp_seconds": "When a snapshot was last restored on trial.",
    "slidegenie_restore_drill_last_start_timestamp_seconds": "When the last restore drill began.",
    "slidegenie_restore_drill_last_end_timestamp_seconds": "When the last restore drill ended, good or bad.",
    "slidegenie_restore_drill_success": "Whether the last restore drill was good.",
    "slidegenie_restore_drill_duration_seconds": "How long the last good restore drill took.",
    "slidegenie_restore_drill_scheduled_since_timestamp_seconds": "Since when restore drills are scheduled.",
}


class Metrics:
    """The series of one job, `backup` or `restore_drill`; they outlive the container."""

    def __init__(self, config: Config, job: str) -> None:
        self._job = job
        self._state = config.work / f"metrics-{job}.json"
        self._file = config.textfiles / f"slidegenie-{job}.prom" if config.textfiles else None
        self._values: dict[str, float] = read_json(self._state) or {}

    def set(self, values: dict[str, float]) -> None:
        """Take over values by name without `slidegenie_<job>_`, with labels where they have any, and publish all."""
        self._values |= {f"slidegenie_{self._job}_{name}": float(value) for name, value in values.items()}
        write_whole(self._state, json.dumps(self._values, sort_keys=True))
        if self._file is not None:
            write_whole(self._file, self.text())

    def get(self, name: str) -> float | None:
        """Return a value, `None` when it was never set."""
        return self._values.get(f"slidegenie_{self._job}_{name}")

    def scheduled(self) -> None:
        """Note that the job is scheduled from now on, and that a run which was killed has failed."""
        first = self.get("scheduled_since_timestamp_seconds") is None
        # The end is compared with the start from the first run on.
        values = {"scheduled_since_timestamp_seconds": now(), "last_end_timestamp_seconds": 0} if first else {}
        if self._unfinished():
            values |= {"success": 0, "last_end_timestamp_seconds": now()}
        self.set(values)

    def started(self) -> None:
        """Note that a run begins."""
        self.set({"last_start_timestamp_seconds": now()})

    def failed(self) -> None:
        """Note that the run was bad."""
        self.set({"success": 0, "last_end_timestamp_seconds": now()})

    def succeeded(self, values: dict[str, float]) -> None:
        """Note that the run was good."""
        duration = now() - (self.get("last_start_timestamp_seconds") or now())
        self.set({"success": 1, "last_end_timestamp_seconds": now(), "duration_seconds": duration} | values)

    def text(self) -> str:
        """Return the series as Prometheus reads them."""
        lines = []
        for name in sorted({key.partition("{")[0] for key in self._values}):
            lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge"]
            lines += [
                f"{key} {value:.3f}" for key, value in sorted(self._values.items()) if key.partition("{")[0] == name
            ]
        return "\n".join([*lines, ""])

    def _unfinished(self) -> bool:
        start = self.get("last_start_timestamp_seconds")
        return start is not None and start > (self.get("last_end_timestamp_seconds") or 0)


def now() -> float:
    """Return the time."""
    return time.time()
