"""A workload that runs until it is told to stop."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from ..core.durations import go_duration
from .args import HealthCheck, PublishedPort, Rollout, ServerArgs
from .container import hardened_container
from .rollout.attempt import Replacement
from .rollout.rollout import Member
from .seed import prepare


class Server(pulumi.ComponentResource):
    """One or more hardened containers of one image, each waited for until it is healthy.

    Owns the containers. Refuses names, ports, variables and mounts that the engine would take and nobody could use, two
    mounts at one path, and any way around the hardening of the policy file.
    """

    service: str
    """Name by which others reach it on their common networks."""
    ready: pulumi.Output[list[str]]
    """IDs of the containers, known once all are healthy."""

    def __init__(self, name: str, args: ServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Server", name, None, opts)
        self.service = args.service
        prepare(name, args.foundation, args.prepared(), parent=self)
        containers: list[docker.Container] = []
        for number in range(1, args.replicas + 1):
            # Those of a batch start together, once all of the batch before are healthy.
            earlier = containers[: (number - 1) // args.surge * args.surge]
            containers.append(self._container(name, args, number, earlier))
        self.ready = pulumi.Output.all(*(container.id for container in containers))
        self.register_outputs({"ready": self.ready})

    def _container(
        self, name: str, args: ServerArgs, number: int, earlier: Sequence[docker.Container]
    ) -> docker.Container:
        rolling = args.rollout is Rollout.ROLLING
        member = Member(
            resource=f"{name}-{number}",
            replacement=Replacement.BESIDE if rolling else Replacement.IN_PLACE,
            start_seconds=args.start_seconds,
            earlier=[container.pulumi_resource_name for container in earlier],
        )
        return hardened_container(
            member,
            args,
            role="server",
            number=number,
            restart=args.foundation.hardening.restart,
            healthcheck=_healthcheck(args.health),
            wait=True,
            wait_timeout=args.start_seconds,
            shm_size=args.shm_mib,
            ports=[_port(port) for port in args.ports] or None,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(earlier[-args.surge :]),
                # Never left to the provider's default, which has changed between its versions.
                delete_before_replace=not rolling,
            ),
        )


def _healthcheck(health: HealthCheck) -> docker.ContainerHealthcheckArgs:
    return docker.ContainerHealthcheckArgs(
        tests=["CMD", *health.command],
        interval=go_duration(health.interval_seconds),
        timeout=go_duration(health.timeout_seconds),
        retries=health.retries,
        start_period=go_duration(health.start_period_seconds),
    )


def _port(port: PublishedPort) -> docker.ContainerPortArgs:
    return docker.ContainerPortArgs(internal=port.internal, external=port.external, ip=port.address, protocol="tcp")
