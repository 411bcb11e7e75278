"""Infrastructure Monitoring: does the host, does each container, does each data store have what it needs?"""

from .builder import Board, Panel, Row, Variable

_NODE = 'job="node"'
_USERS = 'entrypoint=~"web.*"'
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
                    },
                    unit="percentunit",
                    alerts=("HostCpuSaturated", "HostMemoryLow"),
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
                    alerts=("HostMemoryLow",),
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
                    unit="Bps",
                    width=12,
                ),
                Panel(
                    title="Inodes left",
                    why="None left: no file can be made, however much room there is.",
                    queries={
                        "{{mountpoint}}": f"node_filesystem_files_free{{{_NODE}}} / node_filesystem_files{{{_NODE}}}"
                    },
                    unit="percentunit",
                    alerts=("HostInodesAlmostGone",),
                    base="red",
                    steps=((0.1, "green"),),
                    width=12,
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
                            f" / rate(container_cpu_cfs_periods_total{{{_CONTAINER}}}[5m])"
                        )
                    },
                    unit="percentunit",
                    alerts=("ContainerThrottled",),
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
                    alerts=("PostgresConnectionsHigh",),
                ),
                Panel(
                    title="Transactions",
                    why="Rolled back ones in numbers are errors that users saw.",
                    queries={
                        "committed": f"sum(rate(pg_stat_database_xact_commit{{{_POSTGRES}}}[$__rate_interval]))",
                        "rolled back": f"sum(rate(pg_stat_database_xact_rollback{{{_POSTGRES}}}[$__rate_interval]))",
                        "deadlocks": f"sum(rate(pg_stat_database_deadlocks{{{_POSTGRES}}}[$__rate_interval]))",
                    },
                    unit="ops",
                    alerts=("PostgresDeadlocks",),
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
                    alerts=("PostgresLongTransaction",),
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
                    alerts=("RedisMemoryHigh",),
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
                    alerts=("RedisMemoryHigh",),
                ),
                Panel(
                    title="Clients",
                    why="Climbs without end: a client does not close its own.",
                    queries={
                        "open": f"redis_connected_clients{{{_REDIS}}}",
                        "turned away": f"increase(redis_rejected_connections_total{{{_REDIS}}}[5m])",
                    },
                    unit="none",
                    alerts=("RedisRejectsConnections",),
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
                    alerts=("StorageAlmostFull",),
                    base="red",
                    steps=((0.1, "green"),),
                ),
                Panel(
                    title="Requests",
                    why="Errors here become 503 for users.",
                    queries={
                        "{{api}}": f"sum by (api) (rate(minio_s3_requests_total{{{_MINIO}}}[$__rate_interval]))",
                        "failed": (
                            f"sum(rate(minio_s3_requests_5xx_errors_total{{{_MINIO}}}[$__rate_interval])) or vector(0)"
                        ),
                    },
                    unit="reqps",
                    alerts=("StorageErrors",),
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
        Row(
            title="Backups",
            panels=(
                Panel(
                    title="Age of the last good backup",
                    why="What was made since is lost with the disk. Above a day: make one now.",
                    queries={"{{what}}": "time() - slidegenie_backup_last_success_timestamp_seconds"},
                    unit="s",
                    kind="bargauge",
                    alerts=("BackupTooOld", "BackupNeverSucceeded"),
                    steps=((26 * 3600, "red"),),
                ),
                Panel(
                    title="Age of the last restore on trial",
                    why="A backup that was never restored is a hope.",
                    queries={"restored": "time() - slidegenie_restore_drill_last_success_timestamp_seconds"},
                    unit="s",
                    kind="bargauge",
                    alerts=("RestoreDrillTooOld", "RestoreDrillNeverSucceeded"),
                    steps=((8 * 86400, "red"),),
                ),
                Panel(
                    title="What the last runs said",
                    why="1 is good. 0: the runbook's section of the one that failed says what to do.",
                    queries={
                        "backup": "slidegenie_backup_success",
                        "check of the repository": "slidegenie_backup_check_success",
                        "removal of old snapshots": "slidegenie_backup_retention_success",
                        "restore on trial": "slidegenie_restore_drill_success",
                    },
                    unit="none",
                    kind="bargauge",
                    alerts=("BackupFailed", "BackupRepositoryDamaged", "BackupRetentionFailed", "RestoreDrillFailed"),
                    base="red",
                    steps=((1, "green"),),
                ),
                Panel(
                    title="Files of volumes that could not be read",
                    why="The last backup lacks them; database and bucket are saved.",
                    queries={"files": "slidegenie_backup_unread_files"},
                    unit="none",
                    kind="stat",
                    alerts=("BackupIncomplete",),
                    steps=((1, "red"),),
                ),
            ),
        ),
    ),
)
