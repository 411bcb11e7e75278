"""The process limit: the Docker provider has no field for it, the engine can set it on a running container."""

import subprocess

import pulumi

from .identity import PIDS_LABEL


def process_limit_hook() -> pulumi.ResourceHook:
    """Return the hook that sets the limit of a container's label right after the container was created."""
    host = pulumi.Config("docker").get("host")

    def limit(args: pulumi.ResourceHookArgs) -> None:
        labels = {label["label"]: label["value"] for label in (args.new_outputs or {}).get("labels") or []}
        if not (args.id and (pids := labels.get(PIDS_LABEL))):
            return
        at = ["--host", host] if host else []
        command = ["docker", *at, "update", "--pids-limit", pids, args.id]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, own arguments
        if done.returncode != 0:
            raise RuntimeError(f"{args.name}: the process limit could not be set: {done.stderr.strip()}")

    return pulumi.ResourceHook("slidegenie-process-limit", limit)
