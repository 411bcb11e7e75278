"""The settings of the monitoring: what runs, how long data is kept, who is told."""

import enum
from typing import Annotated

from pydantic import Field

from .base import Limits, Port, Section

_MOST_SCRAPE_SECONDS = 60


class ImageStore(enum.Enum):
    """Where the engine keeps images, which decides what cAdvisor must see to tell containers apart.

    `docker info --format '{{.Driver}}'` says which one it is: `overlayfs` is containerd's.
    """

    CONTAINERD = "containerd"
    """containerd's own, as on a new Docker 29: cAdvisor gets containerd's socket, which only root may use."""
    OVERLAY2 = "overlay2"
    """Docker's own: cAdvisor gets `/var/lib/docker/image`, which only root may read."""


class MonitoringPorts(Section):
    """Ports of 127.0.0.1 on the Docker host that lead to the monitoring, through Traefik and without TLS.

    For development: all but Grafana ask for no password.
    """

    grafana: Port | None = None
    """Grafana. Default: not published; in production it is `/grafana` of the platform's own address."""
    prometheus: Port | None = None
    """Prometheus. Default: not published."""
    alertmanager: Port | None = None
    """Alertmanager. Default: not published."""
    node_exporter: Port | None = None
    """Node Exporter. Default: not published."""
    cadvisor: Port | None = None
    """cAdvisor. Default: not published."""


class Email(Section):
    """Where mail about alerts goes."""

    to: str
    """Recipients, by commas."""
    sender: str
    """Address in the From line."""
    smarthost: Annotated[str, Field(pattern=r"^[a-zA-Z0-9.-]+:\d+$", examples=["smtp.example.com:587"])]
    """Mail server and port; TLS is required."""
    username: str | None = None
    """User of the mail server, with `secrets.smtpPassword`. Default: no login."""


class Monitoring(Section):
    """Prometheus, Alertmanager, Grafana and the exporters."""

    enabled: bool = True
    """Whether any of it runs."""
    grafana: bool = True
    """Whether Grafana runs. Without it the dashboards are files in `monitoring/dashboards`."""
    cadvisor: bool = True
    """Whether cAdvisor runs. Without it nothing is known about single containers, and rules about them are left out."""
    image_store: ImageStore = ImageStore.CONTAINERD
    """How the engine keeps images; cAdvisor has to know."""
    scrape_seconds: Annotated[int, Field(ge=1, le=_MOST_SCRAPE_SECONDS)] = 15
    """Time between two readings of every metric."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 15
    """Metrics older than this go."""
    retention_mib: Annotated[int, Field(ge=256)] = 4096
    """Above this size on disk the oldest metrics go first, in MiB."""
    repeat_hours: Annotated[int, Field(ge=1, le=168)] = 4
    """An alert that goes on is sent again after this time."""
    email: Email | None = None
    """Send alerts by mail. Default: no mail."""
    slack_channel: Annotated[str, Field(pattern=r"^[#@]\S+$", examples=["#alerts"])] | None = None
    """Send alerts to this Slack channel through `secrets.slackUrl`. Default: not to Slack."""
    runbook_url: (
        Annotated[str, Field(pattern=r"^https?://\S+$", examples=["https://git.example.com/RUNBOOK.md"])] | None
    ) = None
    """Where people read the runbook; alerts and dashboards link there. Default: in Grafana; without it, its path in the
    repository."""
    ports: MonitoringPorts = MonitoringPorts()
    """Ports on 127.0.0.1, for development."""
    prometheus_limits: Limits = Limits(memory_mib=512)
    """Limits of Prometheus."""
    grafana_limits: Limits = Limits(memory_mib=384)
    """Limits of Grafana."""
    cadvisor_limits: Limits = Limits(memory_mib=192, cpus=0.5)
    """Limits of cAdvisor."""
    small_limits: Limits = Limits(memory_mib=64, cpus=0.25, pids=64)
    """Limits of Alertmanager and of each exporter."""

    def published(self) -> dict[str, int]:
        """Return the published ports by service; none when nothing runs."""
        given = {
            "grafana": self.ports.grafana if self.grafana else None,
            "prometheus": self.ports.prometheus,
            "alertmanager": self.ports.alertmanager,
            "node-exporter": self.ports.node_exporter,
            "cadvisor": self.ports.cadvisor if self.cadvisor else None,
        }
        return {service: port for service, port in given.items() if port is not None and self.enabled}
