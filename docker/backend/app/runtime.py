"""What the processes of one server tell each other: flags in a directory that only they share.

Files, because a health check may land on any worker and each must give the same answer.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .settings import SettingsError

_ENVIRONMENT = "SLIDEGENIE_RUNTIME"
METRICS_ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"


@dataclass(frozen=True)
class Runtime:
    """The flags and files of one running server."""

    directory: Path

    @classmethod
    def create(cls, wanted: Path, workers: int) -> "Runtime":
        """Make an empty directory for a new server and publish it to its `workers`.

        Without a writable `wanted` (a plain `docker run --read-only`, a laptop) it is a fresh
        directory of the temporary one.
        """
        try:
            directory = wanted / "server"
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True, mode=0o700)
        except OSError:
            directory = _temporary_directory(wanted)
        runtime = cls(directory)
        # A new server starts from zero: counters of a predecessor would double its rates.
        runtime.metrics_directory.mkdir()
        runtime.expect(workers)
        os.environ[_ENVIRONMENT] = str(directory)
        os.environ[METRICS_ENVIRONMENT] = str(runtime.metrics_directory)
        return runtime

    @classmethod
    def of_this_server(cls) -> "Runtime":
        """Find the directory that the main process of this worker made."""
        return cls(Path(os.environ[_ENVIRONMENT]))

    @property
    def metrics_directory(self) -> Path:
        """Where the workers keep their counters for whichever of them is scraped."""
        return self.directory / "metrics"

    @property
    def draining(self) -> bool:
        """Whether the server was told to stop and only finishes what it has."""
        return (self.directory / "draining").exists()

    def mark_draining(self) -> None:
        """Fail the health checks of all workers from now on."""
        (self.directory / "draining").touch()

    def expect(self, workers: int) -> None:
        """Count the server as started once so many workers are ready."""
        (self.directory / "workers").write_text(str(workers), encoding="ascii")

    @property
    def started(self) -> bool:
        """Whether every configured dependency has answered each of the workers once."""
        return (self.directory / "started").exists()

    def mark_ready(self, worker: int) -> None:
        """Note that a worker, by its process ID, can serve. The last one starts the server.

        Once that has started, so have workers that are replaced during an outage.
        """
        (self.directory / f"ready-{worker}").touch()
        expected = int((self.directory / "workers").read_text(encoding="ascii"))
        if len(self._ready()) >= expected:
            (self.directory / "started").touch()

    def others_ready(self, worker: int) -> bool:
        """Whether another worker than this one can serve."""
        return bool(self._ready() - {f"ready-{worker}"})

    def _ready(self) -> set[str]:
        return {path.name for path in self.directory.glob("ready-*")}

    def forget(self, worker: int) -> None:
        """Remove what a worker that died has left: it counts no more, nor do its gauges."""
        (self.directory / f"ready-{worker}").unlink(missing_ok=True)
        for gauge in self.metrics_directory.glob(f"gauge_live*_{worker}.db"):
            gauge.unlink(missing_ok=True)


def _temporary_directory(wanted: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="slidegenie-"))
    except OSError:
        raise SettingsError(
            f"RUNTIME_DIR: neither {wanted} nor a temporary directory can be written; "
            f"mount a tmpfs at {wanted} that belongs to user {os.getuid()}"
        ) from None
