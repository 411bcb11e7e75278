"""A workload that runs to its end, such as a database migration."""

import pulumi

from .args import ContainerArgs
from .container import hardened_container
from .rollout.attempt import Replacement
from .rollout.rollout import Member
from .seed import prepare


class Job(pulumi.ComponentResource):
    """A hardened container that must end with exit code 0 before anything that uses `image` goes on.

    Owns the container, which stays when it has ended: its log says what it did. Refuses what `Server` refuses, and an
    exit code that is not 0: the rollout stops there.
    """

    image: pulumi.Output[str]
    """The image the job ran, known once it succeeded. What must come after the job runs this."""
    container: pulumi.Output[str]
    """ID of its container."""

    def __init__(self, name: str, args: ContainerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Job", name, None, opts)
        prepare(name, args.foundation, args.prepared(), parent=self)
        container = hardened_container(
            Member(resource=name, replacement=Replacement.RERUN),
            args,
            role="job",
            attach=True,
            logs=True,
            must_run=False,
            restart="no",
            # Deleted first, it would take along what depends on its image: all replicas of the old release.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        )

        self.container = container.id

        def succeeded(values: list[object]) -> str:
            exit_code, logs, image = values
            if exit_code:
                raise pulumi.RunError(
                    f"job {args.service} ended with exit code {exit_code}; nothing was replaced."
                    f" Its last lines:\n{_tail(str(logs or ''))}\n"
                    f"Fix the cause and run the same command again: it runs the job again."
                )
            return str(image)

        self.image = pulumi.Output.all(container.exit_code, container.container_logs, container.image).apply(succeeded)
        self.register_outputs({"image": self.image})


def _tail(logs: str, lines: int = 15) -> str:
    return "\n".join(f"  {line}" for line in logs.splitlines()[-lines:])
