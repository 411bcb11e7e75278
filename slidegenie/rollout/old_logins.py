"""End the logins that a rollout left behind: the old passwords of data stores, which no container uses any more."""

from typing import Any

from components.core.labels import LOGIN_LABEL

from ..console import Problem
from ..engine.docker import containers, docker, last_line

_HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")


def revoke_old_logins(label: str) -> None:
    """Let every data store of the stack accept its current login and no other; `label` is `project/stack`.

    Call it after a rollout that succeeded: until then replicas of the old release use the login of before.

    Raises:
        Problem: when a store does not answer; the login of before then stays until the next call.
    """
    for job in containers(label, LOGIN_LABEL, everything=True):
        done = docker(*_again(job, "retire"), check=False)
        if done.returncode != 0:
            raise Problem(
                f"everything runs with its current login, but an older one of {job['Config']['Labels'][LOGIN_LABEL]}"
                f" may still be valid: {last_line(done.stderr or done.stdout)}; `make up` tries again"
            )


def _again(job: dict[str, Any], verb: str) -> list[str]:
    """Return the command that runs a job's container once more, with another verb and nothing more allowed."""
    config, host = job["Config"], job["HostConfig"]
    network = next(iter(job["NetworkSettings"]["Networks"]))
    return [
        *("run", "--rm", "--init", *_HARDENED, f"--network={network}", f"--user={config['User']}"),
        *(f"--memory={host['Memory']}", f"--memory-swap={host['Memory']}", f"--pids-limit={host['PidsLimit'] or 64}"),
        *(f"--tmpfs={path}:{options}" for path, options in host["Tmpfs"].items()),
        *(f"--mount=type=volume,src={m['Name']},dst={m['Destination']},readonly" for m in job["Mounts"]),
        *(f"--env={variable}" for variable in config["Env"]),
        *(f"--entrypoint={config['Entrypoint'][0]}", job["Image"], *config["Entrypoint"][1:], verb),
    ]
