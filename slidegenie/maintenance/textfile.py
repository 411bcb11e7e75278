"""Hand metrics to the monitoring: into the volume that the Node Exporter reads text files from."""

from prometheus_client import CollectorRegistry, generate_latest

from components.core.labels import DATA_LABEL, ROLE_LABEL, STACK_LABEL

from ..console import Problem
from ..engine.docker import containers, docker

_FOLDER = "/metrics"
_VOLUME = f"label={DATA_LABEL}=metrics"


def publish(label: str, file: str, metrics: CollectorRegistry) -> bool:
    """Write `metrics` as `file` for the stack `project/stack`; return whether it has a monitoring to tell.

    It goes through a container of the stack's own seed image, so it works on a remote engine and for a user who may not
    write to Docker's folders. The file changes in one step: half a file would be an alert of its own.

    Raises:
        Problem: when it cannot be written.
    """
    volumes = docker("volume", "ls", "--quiet", "--filter", f"label={STACK_LABEL}={label}", "--filter", _VOLUME)
    volume = volumes.stdout.strip()
    seeds = containers(label, f"{ROLE_LABEL}=seed", everything=True)
    if not volume or not seeds:
        return False
    write = f"cat > {_FOLDER}/.{file} && mv {_FOLDER}/.{file} {_FOLDER}/{file}"
    done = docker(
        *("run", "--rm", "--interactive", "--network=none", "--read-only", "--cap-drop=ALL", "--user=1000:1000"),
        *("--security-opt=no-new-privileges", "--memory=32m", "--pids-limit=16", "--log-driver=none"),
        *(f"--volume={volume}:{_FOLDER}", "--entrypoint=sh", seeds[0]["Image"], "-c", write),
        input=generate_latest(metrics).decode(),
        check=False,
    )
    if done.returncode != 0:
        raise Problem(f"the metrics {file} could not be written to volume {volume}: {done.stderr.strip()}")
    return True
