"""Servers that stay and jobs that end, and the one place where their containers are declared.

It is the one place that hardens them, as the policy file says.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_docker as docker

from ..core.labels import CONFIG_LABEL, PIDS_LABEL, ROLE_LABEL, ROOT_LABEL, compose_project, stack_labels
from ..core.policy import Hardening
from ..core.text import go_duration
from .args import ContainerArgs, HealthCheck, Rollout, ServerArgs
from .rollout import Member, Replacement
from .volumes import prepare

_ROOT = "0:0"
_LOG_LINES = 15
_SILENT_CHANGES = ["tmpfs", "healthcheck", "init", "cpuPeriod", "cpuQuota"]
"""The provider reports a change of these as made while the engine never sees it: replace instead."""


def hardened_container(
    member: Member,
    args: ContainerArgs,
    *,
    role: str,
    number: int = 1,
    opts: pulumi.ResourceOptions,
    **rest: Any,
) -> docker.Container:
    """Declare a container that is non-root, read-only, without capabilities, limited, labelled and stoppable."""
    limits, hardening = args.limits, args.foundation.hardening
    rollout = args.foundation.rollout
    container = docker.Container(
        member.resource,
        image=args.foundation.after_waiting(args.image),
        hostname=args.host_name,
        entrypoints=list(args.entrypoint) if args.entrypoint is not None else None,
        command=list(args.command) if args.command is not None else None,
        envs=[pulumi.Output.concat(key, "=", value) for key, value in sorted(args.environment.items())],
        user=_ROOT if args.root_reason else hardening.user,
        group_adds=list(args.groups) or None,
        read_only=hardening.read_only_root,
        tmpfs={path: _tmpfs(hardening, size) for path, size in args.tmpfs_mib.items()},
        security_opts=list(hardening.security_options),
        capabilities=docker.ContainerCapabilitiesArgs(drops=list(hardening.drop_capabilities)),
        init=hardening.init,
        memory=limits.memory_mib,
        # Equal to the memory: no swap. Unset, the engine stores twice the memory and every preview shows a change.
        memory_swap=limits.memory_mib,
        memory_reservation=limits.memory_reservation_mib or limits.memory_mib // 2,
        # As the provider reads it back: 1.0, not 1.
        cpus=str(float(limits.cpus or hardening.cpus)),
        cpu_set=limits.cpuset,
        log_driver=hardening.log_driver,
        log_opts=hardening.log_options,
        networks_advanced=[
            docker.ContainerNetworksAdvancedArgs(name=args.foundation.networks.names[zone], aliases=[args.service])
            for zone in args.zones
        ]
        or None,
        # Without a network of its own a container would join the engine's default one.
        network_mode=None if args.zones else "none",
        mounts=_mounts(args),
        labels=_labels(args, role, number, rollout.config_label(member, _config_hash(args))),
        stop_timeout=args.grace_seconds,
        # What the provider waits for on delete; unset means the container is killed at once.
        destroy_grace_seconds=args.grace_seconds,
        opts=pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(
                depends_on=[*args.after, *(seed for volume in args.prepared() for seed in volume.seeds)],
                replace_on_changes=_SILENT_CHANGES,
                hooks=pulumi.ResourceHookBinding(
                    before_create=[rollout.make_room],
                    after_create=[args.foundation.limit_processes],
                    on_error=[rollout.say_why],
                ),
            ),
            opts,
        ),
        **rest,
    )
    rollout.add(member, container.id)
    return container


def _tmpfs(hardening: Hardening, size_mib: int) -> str:
    user, _, group = hardening.user.partition(":")
    return ",".join([*hardening.tmpfs_options, f"size={size_mib}m", f"uid={user}", f"gid={group}", "mode=0700"])


def _mounts(args: ContainerArgs) -> list[docker.ContainerMountArgs]:
    mounts: list[tuple[str, pulumi.Input[str], str, bool]] = [
        *(("volume", mount.files.name, mount.path, True) for mount in args.files),
        *(("volume", mount.volume.name, mount.path, mount.read_only) for mount in args.volumes),
        *(("bind", mount.host_path, mount.path, True) for mount in args.host_mounts),
    ]
    return [
        docker.ContainerMountArgs(type=kind, source=source, target=path, read_only=read_only)
        for kind, source, path, read_only in mounts
    ]


def _labels(args: ContainerArgs, role: str, number: int, config: pulumi.Input[str]) -> list[docker.ContainerLabelArgs]:
    compose = "com.docker.compose"
    labels: dict[str, pulumi.Input[str]] = {
        f"{compose}.project": compose_project(),
        f"{compose}.service": args.service,
        f"{compose}.container-number": str(number),
        f"{compose}.oneoff": "False",
        f"{compose}.project.config_files": f"Pulumi.{pulumi.get_stack()}.yaml",
        CONFIG_LABEL: config,
        ROLE_LABEL: role,
        PIDS_LABEL: str(args.limits.pids or args.foundation.hardening.pids),
        **stack_labels(),
        **({ROOT_LABEL: args.root_reason} if args.root_reason else {}),
        **args.labels,
    }
    return [docker.ContainerLabelArgs(label=label, value=value) for label, value in sorted(labels.items())]


def _config_hash(args: ContainerArgs) -> pulumi.Output[str]:
    """Hash what makes a container another one. Limits are left out: those change in place."""
    resolved = pulumi.Output.from_input(
        {
            "image": args.image,
            "command": [*(args.entrypoint or ()), *(args.command or ())],
            "environment": dict(args.environment),
            "volumes": [volume.name for volume in args.prepared()],
        }
    )
    return resolved.apply(lambda value: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest())


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
            ports=[
                docker.ContainerPortArgs(
                    internal=port.internal, external=port.external, ip=port.address, protocol="tcp"
                )
                for port in args.ports
            ]
            or None,
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
                tail = "\n".join(f"  {line}" for line in str(logs or "").splitlines()[-_LOG_LINES:])
                raise pulumi.RunError(
                    f"job {args.service} ended with exit code {exit_code}; nothing was replaced."
                    f" Its last lines:\n{tail}\n"
                    f"Fix the cause and run the same command again: it runs the job again."
                )
            return str(image)

        self.image = pulumi.Output.all(container.exit_code, container.container_logs, container.image).apply(succeeded)
        self.register_outputs({"image": self.image})
