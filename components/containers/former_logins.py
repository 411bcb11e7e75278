"""The end of logins that a rollout left behind: the old passwords of data stores, which nobody uses any more."""

import asyncio

import pulumi
import pulumi_random as random

from ..core.engine import HARDENED_RUN, DockerEngine, docker
from .found import inspected
from .rollout import StackRollout


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
        *("run", "--rm", "--init", *HARDENED_RUN, f"--network={network}", f"--user={config['User']}"),
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


class FormerLogins:
    """Ends them when all clients have changed over; one resource stands for that, so a killed update is made up for.

    `name` is the resource's.
    """

    def __init__(
        self, name: str, engine: pulumi.Output[DockerEngine], rollout: StackRollout, parent: pulumi.Resource
    ) -> None:
        self._name, self._engine, self._rollout, self._parent = name, engine, rollout, parent
        self._jobs: dict[str, pulumi.Output[str]] = {}

    def end(self, login: str, job: pulumi.Output[str]) -> None:
        """Run `job`, the container that admitted the current `login` at its store, once more after each change of it.

        It is run with the verb `retire`, and has the store accept that login and no other.
        """
        if not self._jobs:
            self._mark()
        self._jobs[login] = job

    def _mark(self) -> None:
        random.RandomId(
            self._name,
            byte_length=4,
            # All jobs are known by the time that the rollout is done.
            keepers=self._rollout.after_it(lambda: pulumi.Output.all(**self._jobs)),
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                hooks=pulumi.ResourceHookBinding(before_create=[pulumi.ResourceHook(self._name, self._retire)]),
            ),
        )

    async def _retire(self, hook: pulumi.ResourceHookArgs) -> None:
        engine = await self._engine.future() or DockerEngine()
        for login, job in (hook.new_inputs or {})["keepers"].items():
            failed = await asyncio.to_thread(run_again, engine, str(job), "retire")
            if failed is not None:
                raise RuntimeError(
                    f"everything runs with its current login, but one from before {login} may still be valid: {failed};"
                    " the next update tries again"
                )
