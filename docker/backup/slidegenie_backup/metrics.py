"""What the monitoring reads: a `*.prom` file, rewritten whenever something is known."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from .config import Config
from .console import say
from .files import PATIENCE_SECONDS, only_one, write_whole

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
    "slidegenie_backup_check_success": "Whether the last check of its structure found the repository whole.",
    "slidegenie_backup_data_check_success": "Whether the last check that read data back found the repository whole.",
    "slidegenie_backup_unread_files": "Files of volumes that the last good backup lacks, as they could not be read.",
    "slidegenie_backup_interval_seconds": "The longest time between two backups, as scheduled.",
    "slidegenie_backup_scheduled_since_timestamp_seconds": "Since when backups are scheduled.",
    "slidegenie_restore_drill_last_success_timestamp_seconds": "When a snapshot was last restored on trial.",
    "slidegenie_restore_drill_last_start_timestamp_seconds": "When the last restore drill began.",
    "slidegenie_restore_drill_last_end_timestamp_seconds": "When the last restore drill ended, good or bad.",
    "slidegenie_restore_drill_success": "Whether the last restore drill was good.",
    "slidegenie_restore_drill_duration_seconds": "How long the last good restore drill took.",
    "slidegenie_restore_drill_interval_seconds": "The longest time between two restore drills, as scheduled.",
    "slidegenie_restore_drill_scheduled_since_timestamp_seconds": "Since when restore drills are scheduled.",
}


class Metrics(Collector):
    """The series of one job, `backup` or `restore_drill`; their file outlives the container, and is read again."""

    def __init__(self, config: Config, job: str) -> None:
        self._job = job
        self._file = (config.textfiles or config.work) / f"slidegenie-{job}.prom"
        self._values = _read(self._file)

    @contextmanager
    def run(self, work: Path) -> Iterator[None]:
        """Hold the work folder for a run, and note when it begins and that it was bad, also when it found no turn."""
        try:
            with only_one(work, PATIENCE_SECONDS):
                self.started()
                yield
        except BaseException:
            self.failed()
            raise

    def set(self, values: Mapping[str, float]) -> None:
        """Take over values by name without `slidegenie_<job>_`, and publish all."""
        self._read_again()
        self._publish(values)

    def get(self, name: str) -> float | None:
        """Return a value, `None` when it was never set."""
        return self._values.get((self._name(name), ""))

    def scheduled(self, interval_seconds: float) -> None:
        """Note that the job is scheduled, at most this long apart, and that a run which was killed has failed."""
        first = self.get("scheduled_since_timestamp_seconds") is None
        values: dict[str, float] = {"interval_seconds": interval_seconds}
        # The end is compared with the start from the first run on.
        values |= {"scheduled_since_timestamp_seconds": now(), "last_end_timestamp_seconds": 0} if first else {}
        if self._unfinished():
            values |= {"success": 0, "last_end_timestamp_seconds": now()}
        self.set(values)

    def unscheduled(self) -> None:
        """Note that the job runs by hand only: then nothing is late. What the last run found still counts."""
        self._read_again()
        for name in ("interval_seconds", "scheduled_since_timestamp_seconds"):
            self._values.pop((self._name(name), ""), None)
        if self._values:
            self._publish({})

    def started(self) -> None:
        """Note that a run begins."""
        self.set({"last_start_timestamp_seconds": now()})

    def failed(self) -> None:
        """Note that the run was bad."""
        self.set({"success": 0, "last_end_timestamp_seconds": now()})

    def succeeded(self, values: Mapping[str, float], what: Sequence[str] = ("",)) -> None:
        """Note that the run was good, of all that is in `what`. Of what it no longer covers, no success grows old."""
        self._read_again()
        last = self._name("last_success_timestamp_seconds")
        self._values = {series: value for series, value in self._values.items() if series[0] != last}
        self._values |= {(last, part): now() for part in what}
        duration = now() - (self.get("last_start_timestamp_seconds") or now())
        self._publish({"success": 1, "last_end_timestamp_seconds": now(), "duration_seconds": duration, **values})

    def collect(self) -> Iterator[Metric]:
        """Yield the series as Prometheus's client asks for them."""
        for name in sorted({name for name, _ in self._values}):
            gauge = GaugeMetricFamily(name, _HELP[name])
            for (of, what), value in sorted(self._values.items()):
                if of == name:
                    gauge.add_sample(name, {"what": what} if what else {}, value)
            yield gauge

    def text(self) -> str:
        """Return the series as Prometheus reads them."""
        return generate_latest(self).decode()

    def _name(self, name: str) -> str:
        return f"slidegenie_{self._job}_{name}"

    def _read_again(self) -> None:
        """Know what other runs have written meanwhile: one that finds no turn tells so while this one is under way."""
        self._values = _read(self._file)

    def _publish(self, values: Mapping[str, float]) -> None:
        self._values |= {(self._name(name), ""): value for name, value in values.items()}
        try:
            write_whole(self._file, self.text())
        except OSError:
            # On a full disk there is no room for a second file, but that of the first: the alert must go out.
            self._write_over()

    def _write_over(self) -> None:
        try:
            with self._file.open("r+", encoding="utf-8") as file:
                file.write(self.text())
                file.truncate()
        except OSError as error:
            say(f"the metrics cannot be written: {error.strerror} ({self._file})")

    def _unfinished(self) -> bool:
        start = self.get("last_start_timestamp_seconds")
        return start is not None and start > (self.get("last_end_timestamp_seconds") or 0)


def _read(file: Path) -> dict[tuple[str, str], float]:
    """Return values by name and by what they are about, where only some are."""
    families = text_string_to_metric_families(file.read_text(encoding="utf-8") if file.is_file() else "")
    return {(sample.name, sample.labels.get("what", "")): sample.value for f in families for sample in f.samples}


def now() -> float:
    """Return the time."""
    return time.time()
