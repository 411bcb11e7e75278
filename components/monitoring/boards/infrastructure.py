"""Infrastructure Monitoring: does the host, does each container, does each data store have what it needs?"""

from .builder import Board, Panel, Row, Variable

_NODE = 'job="node"'
_CONTAINER = 'stack!="", service=~"$service"'
_POSTGRES = 'job="postgres"'
_REDIS = 'job="redis"'
_MINIO = 'job="minio"'

INFRASTRUCTURE = Board(
    uid="infrastructure-monitoring",
    title="Infrastructure Monitoring",
    about="What runs out next, on the host, in which container, in which data store, and when?",
    variables=(
        Variable(name="service", label="Service", query='label_values(container_last_seen{stack!=""}, service)'),
    ),
    rows=(
        Row(
            title="Host: used, waiting, failing",
            panels=(
                Panel(
                    title="Targets that do not answer",
                    why="Not 0: part of what is below is not known.",
                    queries={"down": "count(up == 0) or vector(0)"},
                    unit="none",
                    kind="stat",
                    alert="TargetDown",
                    steps=((1, "red"),),
                    width=4,
                ),
                Panel(
                    title="Processors and memory in use",
                    why="Above 90 % for long: move something, or get a larger host.",
                    queries={
                        "processors": "instance:node_cpu_utilisation:ratio_rate5m",
                        "memory": "instance:node_memory_utilisation:ratio",
                    },
                    unit="percentunit",
                    alert="HostCpuSaturated",
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
                    unit="percentunit",
                    alert="HostMemoryLow",
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
                    alert="HostDiskFullIn24h",
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
                    alert="OutOfMemoryKill",
                ),
            ),
        ),
        Row(
            title="Containers (from cAdvisor)",
            panels=(
                Panel(
                    title="Processor time of the limit",
                    why="Near 100 % it is held back: raise its limit, or its replicas.",
                    queries={"{{name}}": 'container:cpu_utilisation:ratio_rate5m{service=~"$service"}'},
                    unit="percentunit",
                    alert="ContainerThrottled",
                ),
                Panel(
                    title="Memory of the limit",
                    why="At 100 % the kernel kills it.",
                    queries={"{{name}}": 'container:memory_utilisation:ratio{service=~"$service"}'},
                    unit="percentunit",
                    alert="ContainerMemoryNearLimit",
                    steps=((0.9, "red"),),
                ),
                Panel(
                    title="Starts",
                    why="More than a rollout explains: it crashes; its log says why.",
                    queries={"{{name}}": f"changes(container_start_time_seconds{{{_CONTAINER}}}[15m])"},
                    unit="none",
                    alert="ContainerRestarting",
                ),
                Panel(
                    title="Healthy",
                    why="0 for longer than a start: the edge sends it nothing.",
                    queries={"{{name}}": f"container_health_state{{{_CONTAINER}}}"},
                    unit="none",
                    alert="ContainerUnhealthy",
                    width=12,
                ),
                Panel(
                    title="Periods held back",
                    why="Latency without load comes from here.",
                    queries={
                        "{{name}}": (
                            f"rate(container_cpu_cfs_throttled_periods_total{{{_CONTAINER}}}[5m])"
                            f" / rate(container_cpu_cfs_periods_total{{{_CONTAINER}}}[5m])"
                        )
                    },
                    unit="percentunit",
                    alert="ContainerThrottled",
                    width=12,
                ),
            ),
        ),
        Row(
            title="PostgreSQL",
            panels=(
                Panel(
                    title="Connections",
                    why="Near the limit a new replica cannot start.",
                    queries={
                        "{{state}}": f"sum by (state) (pg_stat_activity_count{{{_POSTGRES}}})",
                        "limit": f"pg_settings_max_connections{{{_POSTGRES}}}",
                    },
                    unit="none",
                    alert="PostgresConnectionsHigh",
                ),
                Panel(
                    title="Transactions",
                    why="Rolled back ones in numbers are errors that users saw.",
                    queries={
                        "committed": f"sum(rate(pg_stat_database_xact_commit{{{_POSTGRES}}}[$__rate_interval]))",
                        "rolled back": f"sum(rate(pg_stat_database_xact_rollback{{{_POSTGRES}}}[$__rate_interval]))",
                    },
                    unit="ops",
                    alert="PostgresDeadlocks",
                ),
                Panel(
                    title="Reads that memory answered",
                    why="Below 95 % for long: give it more memory.",
                    queries={
                        "share": (
                            f"sum(rate(pg_stat_database_blks_hit{{{_POSTGRES}}}[$__rate_interval]))"
                            f" / (sum(rate(pg_stat_database_blks_hit{{{_POSTGRES}}}[$__rate_interval]))"
                            f" + sum(rate(pg_stat_database_blks_read{{{_POSTGRES}}}[$__rate_interval])))"
                        )
                    },
                    unit="percentunit",
                ),
                Panel(
                    title="Size of databases",
                    why="When to move it, and how long a backup takes.",
                    queries={"{{datname}}": f'pg_database_size_bytes{{{_POSTGRES}, datname!~"template.*"}}'},
                    unit="bytes",
                    width=12,
                ),
                Panel(
                    title="Longest open transaction",
                    why="Minutes: a client forgot it. A migration waits behind it.",
                    queries={
                        "{{datname}}": f"max by (datname) (pg_stat_activity_max_tx_duration{{{_POSTGRES}}})",
                    },
                    unit="s",
                    alert="PostgresLongTransaction",
                    width=12,
                ),
            ),
        ),
        Row(
            title="Redis",
            panels=(
                Panel(
                    title="Memory for data",
                    why="At 100 % the least recently used keys go.",
                    queries={"used": f"redis_memory_used_bytes{{{_REDIS}}} / redis_memory_max_bytes{{{_REDIS}}}"},
                    unit="percentunit",
                    alert="RedisMemoryHigh",
                    steps=((0.9, "orange"),),
                ),
                Panel(
                    title="Lookups that hit",
                    why="Falls: keys go too early, or a release asks for others.",
                    queries={
                        "hit": f"rate(redis_keyspace_hits_total{{{_REDIS}}}[$__rate_interval])",
                        "missed": f"rate(redis_keyspace_misses_total{{{_REDIS}}}[$__rate_interval])",
                        "evicted": f"rate(redis_evicted_keys_total{{{_REDIS}}}[$__rate_interval])",
                    },
                    unit="ops",
                    alert="RedisMemoryHigh",
                ),
                Panel(
                    title="Clients",
                    why="Climbs without end: a client does not close its own.",
                    queries={
                        "open": f"redis_connected_clients{{{_REDIS}}}",
                        "turned away": f"increase(redis_rejected_connections_total{{{_REDIS}}}[5m])",
                    },
                    unit="none",
                    alert="RedisRejectsConnections",
                ),
            ),
        ),
        Row(
            title="Object storage",
            panels=(
                Panel(
                    title="Room left",
                    why="It refuses writes before the disk is full.",
                    queries={
                        "left": (
                            f"minio_cluster_capacity_usable_free_bytes{{{_MINIO}}}"
                            f" / minio_cluster_capacity_usable_total_bytes{{{_MINIO}}}"
                        )
                    },
                    unit="percentunit",
                    alert="StorageAlmostFull",
                ),
                Panel(
                    title="Requests",
                    why="Errors here become 503 for users.",
                    queries={
                        "{{api}}": f"sum by (api) (rate(minio_s3_requests_total{{{_MINIO}}}[$__rate_interval]))",
                    },
                    unit="reqps",
                    alert="StorageErrors",
                ),
                Panel(
                    title="Traffic",
                    why="What downloads cost.",
                    queries={
                        "in": f"rate(minio_s3_traffic_received_bytes{{{_MINIO}}}[$__rate_interval])",
                        "out": f"rate(minio_s3_traffic_sent_bytes{{{_MINIO}}}[$__rate_interval])",
                    },
                    unit="Bps",
                ),
            ),
        ),
    ),
)
