"""Processes that are killed, and the wait for what comes back."""

import os
import signal

from .waiting import until
from .workspace import Workspace

RECOVERY_SECONDS = 30
"""What the platform promises after a kill; the tests wait that long and no longer."""


def is_healthy(platform: Workspace, service: str) -> bool:
    """Tell whether there are containers of a service, and all of them healthy."""
    found = platform.containers(service, everything=True)
    return bool(found) and all((c["State"].get("Health") or {}).get("Status") == "healthy" for c in found)


def kill_main_process(platform: Workspace, service: str) -> None:
    """Kill the main process of one container of a service, and wait until the same container is back and healthy."""
    victim = platform.containers(service)[0]
    # Not `docker kill`: the engine takes that for a wish to stop, and does not start the container again.
    os.kill(victim["State"]["Pid"], signal.SIGKILL)
    until(
        lambda: any(
            c["Id"] == victim["Id"] and c["State"]["StartedAt"] != victim["State"]["StartedAt"]
            for c in platform.containers(service)
        ),
        f"{service} runs again",
        RECOVERY_SECONDS,
    )
    until(lambda: is_healthy(platform, service), f"{service} is healthy", RECOVERY_SECONDS)
