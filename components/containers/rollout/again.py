"""Run the container of a job once more, to another end."""

from ...core.docker_command import docker
from ...core.engine import DockerEngine
from .found import inspected

_HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")


def run_again(engine: DockerEngine, container: str, verb: str) -> str | None:
    """Run a job whose entry point takes a verb, with everything that its container has, and nothing more allowed.

    Return why it failed; `None` when it succeeded.
    """
    if not (found := inspected(engine, [container])):
        return f"container {container[:12]} is not there"
    job = found[0].inspected
    config, host = job["Config"], job["HostConfig"]
    network = next(iter(job["NetworkSettings"]["Networks"]))
    done = docker(
        engine,
        *("run", "--rm", "--init", *_HARDENED, f"--network={network}", f"--user={config['User']}"),
        *(f"--memory={host['Memory']}", f"--memory-swap={host['Memory']}", f"--pids-limit={host['PidsLimit'] or 64}"),
        *(f"--tmpfs={path}:{options}" for path, options in host["Tmpfs"].items()),
        *(f"--mount=type=volume,src={m['Name']},dst={m['Destination']},readonly" for m in job["Mounts"]),
        *(f"--env={variable}" for variable in config["Env"]),
        *(f"--entrypoint={config['Entrypoint'][0]}", job["Image"], *config["Entrypoint"][1:], verb),
    )
    if done.returncode == 0:
        return None
    said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return said[-1] if said else f"exit code {done.returncode}"
