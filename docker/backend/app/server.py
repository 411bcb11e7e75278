"""Runs the workers, and stops them so that no request is lost.

On SIGTERM or SIGINT: health checks fail at once, requests are served on for `DRAIN_SECONDS` while
the proxy notices, then the workers finish what they have within `SHUTDOWN_SECONDS`. A second
signal ends it now.
"""

import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from .logs import configure_logging
from .runtime import METRICS_ENVIRONMENT, Runtime
from .settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI

APP = "app.server:create_app"
KEEP_ALIVE_SECONDS = 75
"""Longer than the proxy keeps idle connections: the side that sends requests must close first, or
a request can meet a closing connection."""
EXIT_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h: trying again will not help."""

log = structlog.get_logger(__name__)


class Supervisor(Multiprocess):
    """Uvicorn's supervisor, which replaces dead workers, plus draining and a certain end."""

    def __init__(
        self,
        config: uvicorn.Config,
        sockets: list[socket.socket],
        runtime: Runtime,
        settings: Settings,
    ) -> None:
        super().__init__(config, sockets)
        self.stop_requested = False
        self._runtime = runtime
        self._settings = settings
        # Not through the supervisor's queue: that is read twice a second, and not while it waits
        # for workers to end.
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._stop)

    def _stop(self, signum: int, _frame: FrameType | None) -> None:
        if self.stop_requested:
            self._kill_workers()
            os._exit(128 + signum)
        self.stop_requested = True
        self._runtime.mark_draining()
        log.info("draining", seconds=self._settings.drain_seconds)
        # From a thread even when there is nothing to wait for: a signal handler may have
        # interrupted the very lock that setting the event takes.
        timer = threading.Timer(self._settings.drain_seconds, self.should_exit.set)
        timer.daemon = True
        timer.start()

    def keep_subprocess_alive(self) -> None:
        """Replace dead workers, and forget what they have left."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            log.error("worker_replaced", pid=pid)
            if pid is not None:
                self._runtime.forget(pid)

    def terminate_all(self) -> None:
        """Tell the workers to finish, and turn new connections away."""
        super().terminate_all()
        # The workers close their copies; with this one open, connections would be accepted and
        # then wait for nobody.
        for listener in self.sockets:
            listener.close()

    def join_all(self) -> None:
        """Wait for the workers, but not longer than promised."""
        watchdog = threading.Timer(self._settings.shutdown_seconds, self._kill_workers)
        watchdog.daemon = True
        watchdog.start()
        super().join_all()
        watchdog.cancel()

    def _kill_workers(self) -> None:
        for process in self.processes:
            if process.exitcode is None:
                log.error("worker_killed", pid=process.pid)
                process.process.kill()


def serve() -> int:
    """Serve until told to stop."""
    try:
        settings = _prepare()
        runtime = Runtime.create(settings.runtime_dir, settings.web_workers)
    except SettingsError as error:
        return _refuse(error)
    config = _uvicorn_config(settings)
    supervisor = Supervisor(config, [config.bind_socket()], runtime, settings)
    supervisor.run()
    if not supervisor.stop_requested:
        log.error("stopped_unasked")
        return 1
    log.info("stopped")
    return 0


def serve_reloading() -> int:
    """Serve with one worker that is replaced whenever a file of this package changes."""
    try:
        settings = _prepare()
        Runtime.create(settings.runtime_dir, workers=1)
    except SettingsError as error:
        return _refuse(error)
    # One process at a time needs no shared counters, and old ones would only pile up.
    del os.environ[METRICS_ENVIRONMENT]
    uvicorn.run(
        APP,
        factory=True,
        host="0.0.0.0",  # noqa: S104 - a container is reached from outside
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        reload=True,
        reload_dirs=[str(Path(__file__).parent)],
        # Whoever saved a file wants the new code, not the end of an old request.
        timeout_graceful_shutdown=1,
    )
    return 0


def create_app() -> "FastAPI":
    """Create the application in a worker, or end the worker in a way that ends the server too."""
    # Ctrl-C, `timeout` and some inits signal the whole group at once. Only the main process may
    # act on that, or the workers would be gone before anyone knew of it.
    os.setpgrp()
    settings = load_settings()
    configure_logging(settings.log_level, settings.release)
    try:
        # Here and not above: the main process does without the application and its memory.
        from . import main

        return main.create_app(settings)
    except Exception:
        # Any other exit code would be answered with a new worker, which fails likewise, for ever.
        log.exception("application_not_created")
        sys.exit(STARTUP_FAILURE)


def _prepare() -> Settings:
    settings = load_settings()
    configure_logging(settings.log_level, settings.release)
    return settings


def _refuse(error: SettingsError) -> int:
    sys.stderr.write(f"slidegenie: configuration error: {error}\n")
    return EXIT_CONFIGURATION


def _uvicorn_config(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        APP,
        factory=True,
        host="0.0.0.0",  # noqa: S104 - a container is reached from outside
        port=settings.port,
        workers=settings.web_workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        # Earlier than the kill, so that a worker which cuts off a request can still say so.
        timeout_graceful_shutdown=max(settings.shutdown_seconds - 1, 1),
    )
