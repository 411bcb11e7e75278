"""End containers whose work another one does by now."""

import asyncio
from collections.abc import Sequence

from ...core.docker_command import docker
from ...core.engine import DockerEngine
from .found import FoundContainer

_APART_SECONDS = 1.5
"""Between telling one container to stop and telling the next. When one ends, the proxy starts anew with all servers it
knows, and takes one that drains for well until it has asked it; none must end in that moment."""


async def end(engine: DockerEngine, containers: Sequence[FoundContainer]) -> None:
    """Stop these, as gracefully as each was made to, and remove them.

    What cannot be removed is left to Pulumi, or to the next rollout.
    """
    running = [container for container in containers if container.running]
    await asyncio.gather(
        *(_stop(engine, container, number * _APART_SECONDS) for number, container in enumerate(running))
    )
    if ids := [container.id for container in containers]:
        await asyncio.to_thread(docker, engine, "rm", "--force", *ids)


async def _stop(engine: DockerEngine, container: FoundContainer, wait_seconds: float) -> None:
    await asyncio.sleep(wait_seconds)
    await asyncio.to_thread(docker, engine, "stop", "--time", str(container.stop_seconds), container.id)
