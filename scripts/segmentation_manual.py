"""Who may talk to whom: the one table that tests prove on a running platform and the manual prints.

Docker lets every container reach all of another one on a common network, and nobody else. So the table says for each
service on which networks it is, and for each flow what it is for: a network that no flow needs is one too many.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.containers.foundation import INTERNAL, Zone

from .markdown import table_row


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One service that needs another."""

    source: str
    """Who asks."""
    target: str
    """Who answers."""
    port: int
    """Where."""
    zone: Zone
    """The network on which."""
    why: str
    """What for."""


MEMBERS: Mapping[str, frozenset[Zone]] = {
    "traefik": frozenset({Zone.EDGE, Zone.APPLICATION, Zone.CONTROL, Zone.MONITORING}),
    "socket-proxy": frozenset({Zone.CONTROL}),
    "app": frozenset({Zone.APPLICATION, Zone.DATA, Zone.MONITORING}),
    "migrate": frozenset({Zone.DATA}),
    "postgres-login": frozenset({Zone.DATA}),
    "redis-login": frozenset({Zone.DATA}),
    "minio-login": frozenset({Zone.DATA}),
    "postgres": frozenset({Zone.DATA}),
    "redis": frozenset({Zone.DATA}),
    "minio": frozenset({Zone.DATA, Zone.MONITORING}),
    "prometheus": frozenset({Zone.MONITORING}),
    "alertmanager": frozenset({Zone.MONITORING}),
    "grafana": frozenset({Zone.MONITORING}),
    "node-exporter": frozenset({Zone.MONITORING}),
    "cadvisor": frozenset({Zone.MONITORING, Zone.CONTROL}),
    "postgres-exporter": frozenset({Zone.MONITORING, Zone.DATA}),
    "redis-exporter": frozenset({Zone.MONITORING, Zone.DATA}),
    "postgres-monitor-role": frozenset({Zone.DATA}),
    "backup": frozenset({Zone.DATA}),
    "restore-drill": frozenset(),
}
"""The networks of each service of the platform."""

GOES_OUT: Mapping[str, str] = {
    "alertmanager": "once alerts have a receiver",
    "migrate": "with a data store that somebody else runs",
    "backup": "with such a data store, or a repository that is elsewhere",
    "restore-drill": "with a repository that is elsewhere",
}
"""Who joins the application network besides, because it has a way out, and when."""

FLOWS: tuple[Flow, ...] = (
    Flow(source="traefik", target="app", port=8000, zone=Zone.APPLICATION, why="requests"),
    Flow(source="traefik", target="socket-proxy", port=2375, zone=Zone.CONTROL, why="which containers there are"),
    Flow(source="traefik", target="grafana", port=3000, zone=Zone.MONITORING, why="`/grafana`"),
    *(
        Flow(source="traefik", target=target, port=port, zone=Zone.MONITORING, why="ports on 127.0.0.1, in development")
        for target, port in (("prometheus", 9090), ("alertmanager", 9093), ("node-exporter", 9100), ("cadvisor", 8080))
    ),
    *(
        Flow(source="app", target=target, port=port, zone=Zone.DATA, why="data")
        for target, port in (("postgres", 5432), ("redis", 6379), ("minio", 9000))
    ),
    *(
        Flow(source=f"{target}-login", target=target, port=port, zone=Zone.DATA, why="admits the application's login")
        for target, port in (("postgres", 5432), ("redis", 6379), ("minio", 9000))
    ),
    Flow(source="migrate", target="postgres", port=5432, zone=Zone.DATA, why="tables of a new release"),
    Flow(source="postgres-monitor-role", target="postgres", port=5432, zone=Zone.DATA, why="the exporter's role"),
    *(
        Flow(source="backup", target=target, port=port, zone=Zone.DATA, why="what is saved and restored")
        for target, port in (("postgres", 5432), ("redis", 6379), ("minio", 9000))
    ),
    Flow(source="redis", target="backup", port=6399, zone=Zone.DATA, why="the snapshot, while it is restored"),
    Flow(source="postgres-exporter", target="postgres", port=5432, zone=Zone.DATA, why="statistics, read-only role"),
    Flow(source="redis-exporter", target="redis", port=6379, zone=Zone.DATA, why="statistics, read-only user"),
    Flow(source="cadvisor", target="socket-proxy", port=2375, zone=Zone.CONTROL, why="names of containers"),
    Flow(source="grafana", target="prometheus", port=9090, zone=Zone.MONITORING, why="dashboards"),
    Flow(source="prometheus", target="alertmanager", port=9093, zone=Zone.MONITORING, why="metrics and alerts"),
    *(
        Flow(source="prometheus", target=target, port=port, zone=Zone.MONITORING, why="metrics")
        for target, port in (
            ("app", 8000),
            ("traefik", 8082),
            ("minio", 9000),
            ("grafana", 3000),
            ("node-exporter", 9100),
            ("cadvisor", 8080),
            ("postgres-exporter", 9187),
            ("redis-exporter", 9121),
        )
    ),
)
"""What the networks are for."""


def has_way_out(service: str) -> bool:
    """Return whether `service` can reach anything outside of the platform."""
    return bool(MEMBERS[service] - INTERNAL)


def segmentation_manual() -> str:
    """Return the table for people, in Markdown."""
    return "\n".join([*_lines(), ""])


def _lines() -> Iterator[str]:
    yield "# Who may talk to whom"
    yield ""
    yield "Generated by `make generate` from `scripts/segmentation_manual.py`; do not edit."
    yield ""
    yield "A container reaches those it shares a network with, all of their ports, and nobody else. The tests try it"
    yield "from inside of every running container: `tests/engine/edge/test_segmentation.py`."
    yield ""
    yield table_row("service", *(zone.value for zone in Zone), "way out")
    yield "|---|" + "---|" * (len(Zone) + 1)
    for service, zones in MEMBERS.items():
        marks = ["x" if zone in zones else "" for zone in Zone]
        yield table_row(service, *marks, "yes" if has_way_out(service) else "no")
    yield ""
    yield "The application network is the one with a way out, and so these join it as well:"
    yield ""
    for service, when in GOES_OUT.items():
        yield f"- {service}, {when}"
    yield ""
    yield "What the networks are there for:"
    yield ""
    yield "| from | to | port | network | for |"
    yield "|---|---|---|---|---|"
    for flow in FLOWS:
        yield table_row(flow.source, flow.target, str(flow.port), flow.zone.value, flow.why)
