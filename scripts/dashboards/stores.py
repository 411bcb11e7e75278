"""What the data stores and their backups have to say: the other rows of Infrastructure Monitoring."""

from .builder import Panel, Row

_POSTGRES = 'job="postgres"'
_REDIS = 'job="redis"'
_MINIO = 'job="minio"'

POSTGRES = Row(
    title="PostgreSQL",
    empty="No PostgreSQL of the platform's own, or it was not read yet.",
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
                    f" + sum(rate(pg_stat_database_blks_read{{{_POSTGRES}}}[$__rate_interval])) > 0)"
                )
            },
            unit="percentunit",
        ),
        Panel(
            title="Size of databases",
            why="When to move it, and how long a backup takes.",
            queries={"{{datname}}": f'pg_database_size_bytes{{{_POSTGRES}, datname!~"template.*"}}'},
            unit="bytes",
        ),
        Panel(
            title="Longest open transaction",
            why="Minutes: a client forgot it. A migration waits behind it.",
            queries={
                "{{datname}}": f"max by (datname) (pg_stat_activity_max_tx_duration{{{_POSTGRES}}})",
            },
            unit="s",
            alerts=("PostgresLongTransaction",),
        ),
        Panel(
            title="Locks in use",
            why="At 100 % statements fail: a migration or a dump takes too many tables at once.",
            queries={
                "of all": (
                    f"sum(pg_locks_count{{{_POSTGRES}}})"
                    f" / min(pg_settings_max_locks_per_transaction{{{_POSTGRES}}}"
                    f" * pg_settings_max_connections{{{_POSTGRES}}})"
                )
            },
            unit="percentunit",
            alerts=("PostgresLocksAlmostGone",),
            steps=((0.5, "orange"),),
        ),
        Panel(
            title="Dead rows, the five tables with most",
            why="Climbs for hours: vacuum does not reach the table; look for an old transaction first.",
            queries={"{{relname}}": f"topk(5, pg_stat_user_tables_n_dead_tup{{{_POSTGRES}}})"},
            empty="No table was made yet.",
            unit="none",
            alerts=("PostgresTableNotVacuumed",),
            width=12,
        ),
        Panel(
            title="Age of the oldest transaction ID",
            why="Beyond 200 million vacuum frees them; at 2.1 billion PostgreSQL takes no more writes.",
            queries={
                "{{datname}}": (f"max by (datname) (pg_database_wraparound_age_datfrozenxid_seconds{{{_POSTGRES}}})"),
                "{{datname}}, of shared locks": (
                    f"max by (datname) (pg_database_wraparound_age_datminmxid_seconds{{{_POSTGRES}}})"
                ),
            },
            unit="short",
            alerts=("PostgresTransactionIdsRunOut",),
            steps=((5e8, "orange"), (15e8, "red")),
            width=12,
        ),
    ),
)

REDIS = Row(
    title="Redis",
    empty="No Redis of the platform's own, or it was not read yet.",
    panels=(
        Panel(
            title="Memory for data",
            why="At 100 % the least recently used keys go.",
            queries={"used": f"redis_memory_used_bytes{{{_REDIS}}} / (redis_memory_max_bytes{{{_REDIS}}} > 0)"},
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
)

STORAGE = Row(
    title="Object storage",
    empty="No storage of the platform's own, or it was not read yet.",
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
            width=6,
        ),
        Panel(
            title="Requests",
            why="Errors here become 503 for users.",
            queries={
                "{{api}}": f"sum by (api) (rate(minio_s3_requests_total{{{_MINIO}}}[$__rate_interval]))",
                "failed": (f"sum(rate(minio_s3_requests_5xx_errors_total{{{_MINIO}}}[$__rate_interval])) or vector(0)"),
            },
            unit="reqps",
            alerts=("StorageErrors",),
            width=6,
        ),
        Panel(
            title="Traffic",
            why="What downloads cost.",
            queries={
                "in": f"rate(minio_s3_traffic_received_bytes{{{_MINIO}}}[$__rate_interval])",
                "out": f"rate(minio_s3_traffic_sent_bytes{{{_MINIO}}}[$__rate_interval])",
            },
            unit="Bps",
            width=6,
        ),
        Panel(
            title="Errors of the disk",
            why="Any: it fails or is too slow. Look at the host's log, and have the last backup at hand.",
            queries={
                "{{drive}}": 'increase(minio_node_drive_errors_availability{job="minio-drives"}[1h])',
            },
            unit="none",
            alerts=("StorageDiskErrors",),
            steps=((1, "red"),),
            width=6,
        ),
    ),
)

BACKUPS = Row(
    title="Backups",
    empty="No backup was made yet: make backup.",
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
            empty="No backup was restored on trial yet: make drill.",
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
            empty="Nothing has run yet: make backup, then make drill.",
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
)
