"""Exporters: each reads one thing and may do nothing else."""

from typing import Any

import pulumi

from ..containers import ContainerArgs, FilesMount, HealthCheck, HostMount, Job, Server, ServerArgs, VolumeMount
from ..containers.foundation import Zone
from ..containers.parts import Parts
from ..containers.secrets import given_or_generated
from ..containers.volumes import PreparedVolume
from ..core.labels import SERVICE_LABEL, STACK_LABEL
from ..settings import ImageStore
from . import config
from .args import MonitoringArgs, WatchedPostgres

_TEXTFILES = "/textfiles"
_ROLE = "monitor"
"""Its name in the data stores; `monitoring/role.sql` makes it in PostgreSQL."""
_MAKE_ROLE = (
    "PGPASSWORD=$(cat /run/secrets/postgres-password)"
    " exec psql -qX -h postgres -U slidegenie -d slidegenie -f /run/secrets/role.sql"
)
_CADVISOR_SERIES = (
    "advtcp,cpu_topology,cpuset,disk,diskIO,hugetlb,memory_numa,network,oom_event,percpu,perf_event,process,"
    "referenced_memory,resctrl,sched,tcp,udp"
)
"""What cAdvisor leaves out: what nothing here asks for, the sizes of disks, which cost the most to measure, and what it
cannot know: traffic is in the host's `/proc`, kills are in the kernel's log, and it sees neither."""
_CADVISOR_MOUNTS = {
    ImageStore.CONTAINERD: HostMount(
        host_path="/run/containerd/containerd.sock", path="/run/containerd/containerd.sock"
    ),
    ImageStore.OVERLAY2: HostMount(host_path="/var/lib/docker/image", path="/var/lib/docker/image"),
}


_NODE_COLLECTORS = (
    *("cpu", "diskstats", "edac", "filefd", "filesystem", "loadavg", "mdadm", "meminfo"),
    *("pressure", "stat", "textfile", "time", "timex", "uname", "vmstat"),
)
_OTHER_MOUNTS = ("dev", "proc", "sys", "etc", "run", "tmp", "usr")


def http_health(port: int, path: str) -> HealthCheck:
    """Ask with BusyBox's wget, which all these images have; seldom, for asking costs more than most of them use."""
    return HealthCheck(command=["wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port}{path}"], interval_seconds=15)


def node_exporter(name: str, args: MonitoringArgs, textfiles: PreparedVolume, parent: pulumi.Resource) -> Server:
    """Run Node Exporter without any part of the host mounted, in none of the host's namespaces.

    Processor, memory, pressure, disks and RAID of the host are in every container's own `/proc`, errors of its memory
    in `/sys`. Its root lies on the engine's disk, and the volume with the text files on the disk of the data: the two
    that fill up.
    """
    return _exporter(
        name,
        args,
        parent,
        service="node-exporter",
        image=args.images.node_exporter,
        health=http_health(9100, "/"),
        zones=[Zone.MONITORING],
        command=[
            "--collector.disable-defaults",
            *(f"--collector.{collector}" for collector in _NODE_COLLECTORS),
            f"--collector.textfile.directory={_TEXTFILES}",
            # The root of a container is an overlay, which has the size of the disk below.
            f"--collector.filesystem.mount-points-exclude=^/({'|'.join(_OTHER_MOUNTS)})($|/)",
            "--collector.filesystem.fs-types-exclude=^(tmpfs|proc|sysfs|cgroup2?|mqueue|devpts|devtmpfs)$",
            "--web.disable-exporter-metrics",
        ],
        volumes=[VolumeMount(volume=textfiles, path=_TEXTFILES, read_only=True)],
    )


def redis_exporter(name: str, args: MonitoringArgs, parent: pulumi.Resource) -> Server:
    """Run the exporter as a Redis user that reads statistics, and neither keys nor settings."""
    return _exporter(
        name,
        args,
        parent,
        service="redis-exporter",
        image=args.images.redis_exporter,
        health=http_health(9121, "/"),
        zones=[Zone.MONITORING, Zone.DATA],
        environment={
            "REDIS_ADDR": "redis://redis:6379",
            "REDIS_USER": _ROLE,
            # No secret: this user has none, and any word logs it in (see redis.py).
            "REDIS_PASSWORD": _ROLE,
            "REDIS_EXPORTER_SET_CLIENT_NAME": "false",
            "REDIS_EXPORTER_CONFIG_COMMAND": "-",
            # For the same reason as in PostgreSQL's.
            "REDIS_EXPORTER_CONNECTION_TIMEOUT": "1s",
        },
    )


def postgres_exporter(name: str, args: MonitoringArgs, watched: WatchedPostgres, parent: pulumi.Resource) -> Server:
    """Make a role that may read statistics and nothing else, and run the exporter as that."""
    password = given_or_generated(f"{name}-password", None, parent=parent)
    child = pulumi.ResourceOptions(parent=parent)
    parts = Parts(name=name, foundation=args.foundation, parent=parent, images=args.images)
    files = parts.files(
        "role-secrets",
        {
            "role.sql": config.text("role.sql"),
            "postgres-password": watched.password,
            "monitor-password": password,
        },
    )
    job = Job(
        f"{name}-role",
        ContainerArgs(
            foundation=args.foundation,
            service="postgres-monitor-role",
            image=parts.pulled(args.images.postgres, "role"),
            zones=[Zone.DATA],
            limits=args.settings.small_limits,
            # libpq takes a password from the environment or from a file nobody else may read; ours is neither.
            command=["sh", "-c", _MAKE_ROLE],
            files=[FilesMount(files=files, path="/run/secrets")],
            after=watched.ready,
        ),
        opts=child,
    )
    own = parts.files("secrets", {"monitor-password": password})
    return _exporter(
        name,
        args,
        parent,
        service="postgres-exporter",
        image=args.images.postgres_exporter,
        health=http_health(9187, "/"),
        zones=[Zone.MONITORING, Zone.DATA],
        # How many transaction IDs are left; off unless asked for.
        command=["--collector.database_wraparound"],
        environment={
            # The name of a stopped container is not refused but asked for in vain: without a limit the exporter answers
            # too late, and a database that is down looks like an exporter that is.
            "DATA_SOURCE_URI": "postgres:5432/slidegenie?sslmode=disable&connect_timeout=1",
            "DATA_SOURCE_USER": _ROLE,
            "DATA_SOURCE_PASS_FILE": "/run/secrets/monitor-password",
        },
        files=[FilesMount(files=own, path="/run/secrets")],
        after=[job],
    )


def cadvisor(name: str, args: MonitoringArgs, parent: pulumi.Resource) -> Server:
    """Run cAdvisor without `privileged`, capabilities or Docker's socket: it asks through the proxy's allow-list."""
    return _exporter(
        name,
        args,
        parent,
        service="cadvisor",
        image=args.images.cadvisor,
        health=http_health(8080, "/healthz"),
        zones=[Zone.MONITORING, Zone.CONTROL],
        limits=args.settings.cadvisor_limits,
        command=[
            "--docker=tcp://socket-proxy:2375",
            "--docker_only=true",
            "--housekeeping_interval=30s",
            f"--disable_metrics={_CADVISOR_SERIES}",
            "--store_container_labels=false",
            f"--whitelisted_container_labels={SERVICE_LABEL},{STACK_LABEL}",
            "--logtostderr",
        ],
        host_mounts=[HostMount(host_path="/sys", path="/sys"), _CADVISOR_MOUNTS[args.settings.image_store]],
        root_reason="cAdvisor tells containers apart by what only root may read",
        tmpfs_mib={},
    )


def _exporter(name: str, args: MonitoringArgs, parent: pulumi.Resource, *, image: str, **rest: Any) -> Server:
    rest.setdefault("limits", args.settings.small_limits)
    pulled = Parts(name=name, foundation=args.foundation, parent=parent, images=args.images).pulled(image)
    server = ServerArgs(foundation=args.foundation, image=pulled, **rest)
    return Server(name, server, opts=pulumi.ResourceOptions(parent=parent))
