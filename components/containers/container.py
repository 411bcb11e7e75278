"""The one place where a container is declared, and so the one place that hardens it, as the policy file says."""

import hashlib
import json
from typing import Any

import pulumi
import pulumi_docker as docker

from ..core.labels import CONFIG_LABEL, PIDS_LABEL, ROLE_LABEL, ROOT_LABEL, compose_project, stack_labels
from ..core.policy.model import Hardening
from .args import ContainerArgs
from .rollout.rollout import Member

_ROOT = "0:0"
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
    files = [
        docker.ContainerMountArgs(type="volume", source=mount.files.name, target=mount.path, read_only=True)
        for mount in args.files
    ]
    volumes = [
        docker.ContainerMountArgs(type="volume", source=mount.volume.name, target=mount.path, read_only=mount.read_only)
        for mount in args.volumes
    ]
    host = [
        docker.ContainerMountArgs(type="bind", source=mount.host_path, target=mount.path, read_only=True)
        for mount in args.host_mounts
    ]
    return [*files, *volumes, *host]


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
