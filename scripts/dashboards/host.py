"""What the host and its containers have left: the first two rows of Infrastructure Monitoring."""

from .builder import Panel, Row

_NODE = 'job="node"'
_USERS = 'entrypoint=~"web.*"'
_CONTAINER = 'stack!="", service=~"$service"'

HOST = Row(
    title="Host: used, waiting, failing",
    empty="Node Exporter was not read yet.",
    panels=(
        Panel(
            title="Targets that do not answer",
            why="Not 0: part of what is below is not known.",
            queries={"down": "count(up == 0) or vector(0)"},
            unit="none",
            kind="stat",
            alerts=("TargetDown",),
            steps=((1, "red"),),
            width=4,
        ),
        Panel(
            title="Processors and memory in use",
            why="Above 90 % for long: move something, or get a larger host.",
            queries={
                "processors": "instance:node_cpu_utilisation:ratio_rate5m",
                "memory": "instance:node_memory_utilisation:ratio",
                "swap, of the memory": (
                    f"(node_memory_SwapTotal_bytes{{{_NODE}}} - node_memory_SwapFree_bytes{{{_NODE}}})"
                    f" / node_memory_MemTotal_bytes{{{_NODE}}}"
                ),
                "taken by other machines": (
                    f'avg(rate(node_cpu_seconds_total{{{_NODE}, mode="steal"}}[$__rate_interval]))'
                ),
            },
            unit="percentunit",
            alerts=("HostCpuSaturated", "HostCpuStolen", "HostMemoryLow", "HostSwapAlmostFull"),
            steps=((0.9, "red"),),
            width=10,
        ),
        Panel(
            title="Time spent waiting",
            why="What processes wait for: the truth about saturation, whatever the use on the left says.",
            queries={
                "processor": f"rate(node_pressure_cpu_waiting_seconds_total{{{_NODE}}}[$__rate_interval])",
                "memory": f"rate(node_pressure_memory_waiting_seconds_total{{{_NODE}}}[$__rate_interval])",
                "disk": f"rate(node_pressure_io_waiting_seconds_total{{{_NODE}}}[$__rate_interval])",
            },
            empty="The host's kernel does not count it, or Node Exporter was not read yet.",
            unit="percentunit",
            alerts=("HostMemoryPressure",),
            width=10,
        ),
        Panel(
            title="Room on disks",
            why="`/` is the engine's disk, `/textfiles` that of the data. Below 0 in 24 hours: act now.",
            queries={
                "{{mountpoint}} now": f"node_filesystem_avail_bytes{{{_NODE}}}",
                "{{mountpoint}} in 24 hours": (
                    f"predict_linear(node_filesystem_avail_bytes{{{_NODE}}}[6h], 24 * 3600)"
                ),
            },
            unit="bytes",
            alerts=("HostDiskFullIn24h", "HostDiskAlmostFull"),
            least=None,
        ),
        Panel(
            title="Disks busy",
            why="Near 100 %: the database waits for its disk.",
            queries={"{{device}}": f"rate(node_disk_io_time_seconds_total{{{_NODE}}}[$__rate_interval])"},
            unit="percentunit",
        ),
        Panel(
            title="Processes killed for want of memory",
            why="Any is one too many: find the container below that is at its limit.",
            queries={"killed": f"increase(node_vmstat_oom_kill{{{_NODE}}}[15m])"},
            unit="none",
            alerts=("OutOfMemoryKill",),
        ),
        Panel(
            title="Traffic of users",
            why="What goes through the host's network for the product: all of it passes the edge.",
            queries={
                "in": f"sum(rate(traefik_entrypoint_requests_bytes_total{{{_USERS}}}[$__rate_interval]))",
                "out": f"sum(rate(traefik_entrypoint_responses_bytes_total{{{_USERS}}}[$__rate_interval]))",
            },
            empty="Nobody asked for anything yet.",
            unit="Bps",
            width=6,
        ),
        Panel(
            title="Inodes left",
            why="None left: no file can be made, however much room there is.",
            queries={"{{mountpoint}}": f"node_filesystem_files_free{{{_NODE}}} / node_filesystem_files{{{_NODE}}}"},
            unit="percentunit",
            alerts=("HostInodesAlmostGone", "HostInodesFullIn24h"),
            base="red",
            steps=((0.1, "green"),),
            width=6,
        ),
        Panel(
            title="Time of one disk operation",
            why="Above 0.1 s the database waits: move what writes most, or get a faster disk.",
            queries={
                "{{device}}": (
                    f"(rate(node_disk_read_time_seconds_total{{{_NODE}}}[$__rate_interval])"
                    f" + rate(node_disk_write_time_seconds_total{{{_NODE}}}[$__rate_interval]))"
                    f" / (rate(node_disk_reads_completed_total{{{_NODE}}}[$__rate_interval])"
                    f" + rate(node_disk_writes_completed_total{{{_NODE}}}[$__rate_interval]) > 0)"
                )
            },
            empty="No disk was read or written yet.",
            unit="s",
            alerts=("HostDiskSlow",),
            steps=((0.1, "red"),),
            width=6,
        ),
        Panel(
            title="File descriptors in use",
            why="At 100 % no process can open a file or take a connection.",
            queries={"of all": f"node_filefd_allocated{{{_NODE}}} / node_filefd_maximum{{{_NODE}}}"},
            unit="percentunit",
            alerts=("HostFileDescriptorsAlmostGone",),
            steps=((0.8, "red"),),
            width=6,
        ),
    ),
)

CONTAINERS = Row(
    title="Containers (from cAdvisor)",
    empty="cAdvisor does not run here, or was not read for five minutes yet.",
    panels=(
        Panel(
            title="Processor time of the limit",
            why="Near 100 % it is held back: raise its limit, or its replicas.",
            queries={"{{name}}": 'container:cpu_utilisation:ratio_rate5m{service=~"$service"}'},
            unit="percentunit",
            alerts=("ContainerThrottled",),
        ),
        Panel(
            title="Memory of the limit",
            why="At 100 % the kernel kills it.",
            queries={"{{name}}": 'container:memory_utilisation:ratio{service=~"$service"}'},
            unit="percentunit",
            alerts=("ContainerMemoryNearLimit",),
            steps=((0.9, "red"),),
        ),
        Panel(
            title="Starts",
            why="More than a rollout explains: it crashes; its log says why.",
            queries={"{{name}}": f"changes(container_start_time_seconds{{{_CONTAINER}}}[15m])"},
            unit="none",
            alerts=("ContainerRestarting",),
        ),
        Panel(
            title="Healthy",
            why="0 for longer than a start: the edge sends it nothing.",
            queries={"{{name}}": f"container_health_state{{{_CONTAINER}}}"},
            unit="none",
            alerts=("ContainerUnhealthy",),
            width=12,
        ),
        Panel(
            title="Periods held back",
            why="Latency without load comes from here.",
            queries={
                "{{name}}": (
                    f"rate(container_cpu_cfs_throttled_periods_total{{{_CONTAINER}}}[5m])"
                    f" / (rate(container_cpu_cfs_periods_total{{{_CONTAINER}}}[5m]) > 0)"
                )
            },
            unit="percentunit",
            alerts=("ContainerThrottled",),
            width=12,
        ),
    ),
)
