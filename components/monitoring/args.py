"""What the monitoring needs to know, and what others may add to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from ..containers.args import check_port, check_service
from ..containers.foundation import Foundation
from ..edge import Proxy
from ..settings import ImagesSettings, MonitoringSettings, SecretsSettings


@dataclass(frozen=True, kw_only=True)
class ScrapeTarget:
    """A service whose metrics are read: all its containers, found by its name on the monitoring network."""

    service: str
    """Name of the service; also the label `job`. It must join `Zone.MONITORING`."""
    port: int
    """Port that answers with metrics."""
    path: str = "/metrics"
    """Path that answers with metrics."""

    def __post_init__(self) -> None:
        check_service(self.service)
        check_port(self.service, "port", self.port)
        if not self.path.startswith("/"):
            raise ValueError(f"{self.service}: path must start with a slash, like /metrics; got {self.path!r}")


@dataclass(frozen=True, kw_only=True)
class Additions:
    """What another team adds: its targets, and its rules and dashboards as the files they keep them in."""

    targets: Sequence[ScrapeTarget] = ()
    """Services to scrape."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Prometheus rule files, content by name, such as `reports.yml`."""
    dashboards: Mapping[str, str] = field(default_factory=dict)
    """Grafana dashboards, JSON by file name, such as `reports.json`."""


@dataclass(frozen=True, kw_only=True)
class WatchedPostgres:
    """A PostgreSQL that the platform runs, on the data network under the name `postgres`."""

    password: pulumi.Output[str]
    """Password of the role `slidegenie`, which makes the role that the exporter uses."""
    ready: tuple[pulumi.Resource, ...]
    """What must be up before that can be done."""


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """What runs, and what it watches."""

    foundation: Foundation
    """The stack's foundation."""
    proxy: Proxy
    """The edge that leads to Grafana, and in development to the rest."""
    settings: MonitoringSettings = MonitoringSettings()
    """Retention, receivers, ports, limits."""
    images: ImagesSettings = ImagesSettings()
    """Which images."""
    secrets: SecretsSettings = SecretsSettings()
    """Receivers' URLs and passwords."""
    data_root: str | None = None
    """Where the data is, see `DataVolumeArgs.data_root`."""
    app_port: int = 8000
    """Port of the application, which answers `/metrics` there."""
    postgres: WatchedPostgres | None = None
    """The database to watch. Default: none; who runs an external one watches it."""
    redis: bool = False
    """Whether there is a Redis of the platform's own to watch."""
    minio: bool = False
    """Whether there is a MinIO of the platform's own to watch."""
    additions: Additions = Additions()
    """Targets, rules and dashboards of other teams."""
