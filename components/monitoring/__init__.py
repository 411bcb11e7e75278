"""Prometheus, Alertmanager, Grafana and the exporters, as a component that other stacks import and add to."""

from .args import Additions, MonitoringArgs, ScrapeTarget, WatchedPostgres
from .monitoring import Monitoring

__all__ = ["Additions", "Monitoring", "MonitoringArgs", "ScrapeTarget", "WatchedPostgres"]
