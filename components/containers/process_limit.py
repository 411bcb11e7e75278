"""The process limit: the Docker provider has no field for it, the engine can set it on a running container."""

import asyncio

import pulumi

from ..core.docker_command import docker
from ..core.engine import DockerEngine
from ..core.labels import PIDS_LABEL


def process_limit_hook(engine: pulumi.Output[DockerEngine]) -> pulumi.ResourceHook:
    """Return the hook that sets the limit of a container's label right after the container was created on `engine`."""

    async def limit(args: pulumi.ResourceHookArgs) -> None:
        labels = {label["label"]: label["value"] for label in (args.new_outputs or {}).get("labels") or []}
        if not (args.id and (pids := labels.get(PIDS_LABEL))):
            return
        where = await engine.future() or DockerEngine()
        # In a thread: Pulumi's own loop goes on meanwhile, and an engine elsewhere takes its time.
        done = await asyncio.to_thread(docker, where, "update", "--pids-limit", pids, args.id)
        if done.returncode != 0:
            raise RuntimeError(f"{args.name}: the process limit could not be set: {done.stderr.strip()}")

    return pulumi.ResourceHook("slidegenie-process-limit", limit)
