"""The settings of what watches a stack and keeps it in order: monitoring, maintenance, container policy."""

import email.utils
import enum
from typing import Annotated

from pydantic import Field

from ..addresses import HostPort, PageUrl, Port, is_mail_address
from ..base import Limits, Section
from ..errors import must_be
from ..references import RegistryPath
from ..texts import Line

_MOST_SCRAPE_SECONDS = 60


def _mail_addresses(value: str) -> list[str]:
    """Return the addresses of a header line; empty when one of them is none."""
    # With braces in it, Alertmanager would take it for a template.
    found = [address for _, address in email.utils.getaddresses([value])] if not set(value) & set("{}\r\n") else []
    return found if all(map(is_mail_address, found)) else []


_Recipients = Annotated[
    str, must_be("mail addresses by commas, like ops@example.com, Anna <anna@example.com>", fits=_mail_addresses)
]
_Sender = Annotated[
    str,
    must_be(
        "one mail address, like alerts@example.com or Alerts <alerts@example.com>",
        fits=lambda value: len(_mail_addresses(value)) == 1,
    ),
]


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

    to: _Recipients
    """Recipients, by commas."""
    sender: _Sender
    """Address in the From line."""
    smarthost: HostPort
    """Mail server and port; TLS is required."""
    username: Line | None = None
    """User of the mail server, with `secrets.smtpPassword`. Default: no login."""


class MonitoringSettings(Section):
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
    retention_mib: Annotated[int, Field(ge=256, le=1_073_741_824)] = 4096
    """Above this size on disk the oldest metrics go first, in MiB."""
    repeat_hours: Annotated[int, Field(ge=1, le=168)] = 4
    """An alert that goes on is sent again after this time."""
    email: Email | None = None
    """Send alerts by mail. Default: no mail."""
    slack_channel: Annotated[str, Field(pattern=r"^[#@][^\s{}\"]{1,80}$", examples=["#alerts"])] | None = None
    """Send alerts to this Slack channel through `secrets.slackUrl`. Default: not to Slack."""
    runbook_url: PageUrl | None = None
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


Moment = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["02:00"])]
"""A time of day on the Docker host, `HH:MM`."""


class Weekday(enum.Enum):
    """A day of the week, as timers of systemd call it."""

    MONDAY = "Mon"
    TUESDAY = "Tue"
    WEDNESDAY = "Wed"
    THURSDAY = "Thu"
    FRIDAY = "Fri"
    SATURDAY = "Sat"
    SUNDAY = "Sun"


class MaintenanceSettings(Section):
    """What `make schedule` has done on the Docker host, and what `make clean` keeps."""

    scan_at: Moment = "02:00"
    """Time of the daily scan, by the clock of the host."""
    clean_on: Weekday = Weekday.SUNDAY
    """Day of the weekly cleanup."""
    clean_at: Moment = "03:00"
    """Time of the weekly cleanup, by the clock of the host."""
    freshness_on: Weekday = Weekday.MONDAY
    """Day of the weekly look for newer base images."""
    freshness_at: Moment = "04:00"
    """Time of the weekly look for newer base images, by the clock of the host."""
    keep_releases: Annotated[int, Field(ge=1, le=50)] = 5
    """Images of this many last releases stay; those of the application's last five in any case, for `make rollback`."""
    cache_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Build cache that was not used for this many days goes."""


_PolicyPath = Annotated[str, Field(min_length=1, examples=["security/container-security.yml"])]


class Enforcement(enum.Enum):
    """What becomes of a rollout that breaks the container policy."""

    ADVISORY = "advisory"
    """What breaks it is said, and the rollout goes on."""
    MANDATORY = "mandatory"
    """It is refused before anything is changed."""
    DISABLED = "disabled"
    """Nothing is judged."""


class PolicySettings(Section):
    """The container policy, see docs/policy.md."""

    enforcement: Enforcement = Enforcement.ADVISORY
    """What becomes of a rollout that breaks the policy."""
    file: _PolicyPath | None = None
    """The policy itself, which is also what hardens the containers. Default: `security/container-security.yml`."""
    exceptions: _PolicyPath | None = None
    """A file with a list `exceptions` of your own, on top of those in the policy. Default: none."""
    registries: tuple[RegistryPath, ...] = ()
    """Registries of your own, such as a mirror, besides those in the policy; with as much of the path as counts."""
