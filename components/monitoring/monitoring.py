"""The monitoring of one stack: it reads metrics, keeps them, shows them, and tells people."""

from typing import Any

import pulumi

from ..containers import FilesMount, Server, ServerArgs, VolumeMount
from ..containers.foundation import Zone
from ..containers.parts import Parts
from ..containers.volumes import PreparedVolume
from ..settings import reveal
from . import config, exporters
from .args import MonitoringArgs
from .grafana import PATH, grafana

_PROMETHEUS, _ALERTMANAGER, _NODE_EXPORTER, _CADVISOR = 9090, 9093, 9100, 8080
_MAIN = "/etc/prometheus/main"


class Monitoring(pulumi.ComponentResource):
    """Prometheus and Alertmanager always; Grafana and exporters as the settings and the data stores have it.

    Nothing of it is published but through the proxy: Grafana under `/grafana`, with a login, and in development each
    service on a port of 127.0.0.1. Owns the containers and their data volumes. Refuses rules and targets that would
    take the name of its own.
    """

    textfiles: PreparedVolume
    """A volume whose `*.prom` files become metrics: what a backup or a scan has to say. Write to another name in it,
    then rename, so that half a file is never read."""

    volumes: dict[str, PreparedVolume]
    """Its data by name: grafana, prometheus, alertmanager, metrics."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Monitoring", name, None, opts)
        self._name, self._args = name, args
        self._parts = Parts(
            name=name, foundation=args.foundation, parent=self, images=args.images, data_root=args.data_root
        )
        self.volumes = {}
        self.textfiles = self._data("metrics")
        jobs = ["app", "traefik", "alertmanager", "prometheus", *self._exporters()]
        if args.settings.grafana:
            self.volumes["grafana"] = grafana(f"{name}-grafana", args, args.proxy.url, parent=self)
            jobs.append("grafana")
        self._alertmanager()
        self._prometheus(jobs)
        self.register_outputs({})

    def _exporters(self) -> list[str]:
        """Run what reads one thing each, and return the jobs that scrape it."""
        args, name, settings = self._args, self._name, self._args.settings
        exporters.node_exporter(f"{name}-node", args, self.textfiles, parent=self)
        args.proxy.forward("node-exporter", _NODE_EXPORTER, parent=self)
        jobs = ["node"]
        if settings.cadvisor:
            exporters.cadvisor(f"{name}-cadvisor", args, parent=self)
            args.proxy.forward("cadvisor", _CADVISOR, parent=self)
            jobs.append("cadvisor")
        if args.postgres is not None:
            exporters.postgres_exporter(f"{name}-postgres", args, args.postgres, parent=self)
            jobs.append("postgres")
        if args.redis:
            exporters.redis_exporter(f"{name}-redis", args, parent=self)
            jobs.append("redis")
        return jobs + (["minio", "minio-drives"] if args.minio else [])

    def _prometheus(self, jobs: list[str]) -> None:
        args, settings = self._args, self._args.settings
        stack = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        main = config.prometheus(
            settings,
            jobs,
            args.additions.targets,
            stack,
            app_port=args.app_port,
            grafana_url=f"{args.proxy.url}{PATH}",
        )
        self._server(
            "prometheus",
            args.images.prometheus,
            limits=settings.prometheus_limits,
            zones=[Zone.MONITORING],
            command=[
                "--config.file=/etc/prometheus/main/prometheus.yml",
                "--storage.tsdb.path=/prometheus",
                *self._external_url("prometheus"),
            ],
            files=[
                FilesMount(files=self._parts.files("prometheus-config", {"prometheus.yml": main}), path=_MAIN),
                FilesMount(
                    files=self._parts.files("prometheus-rules", config.rules(jobs, args.additions)),
                    path=config.RULES_PATH,
                ),
            ],
            volumes=[VolumeMount(volume=self._data("prometheus"), path="/prometheus")],
            health=exporters.http_health(_PROMETHEUS, "/-/ready"),
            # It reads back what it had not yet written out.
            start_seconds=180,
            grace_seconds=60,
        )
        args.proxy.forward("prometheus", _PROMETHEUS, parent=self)

    def _alertmanager(self) -> None:
        args, settings = self._args, self._args.settings
        secrets = args.secrets
        given = {
            file: value
            for file, value in (
                ("alert-webhook-url", reveal(secrets.alert_webhook_url)),
                ("deadman-url", reveal(secrets.deadman_url)),
                ("slack-url", reveal(secrets.slack_url)),
                ("smtp-password", reveal(secrets.smtp_password)),
            )
            if value is not None
        }
        main = self._parts.files("alertmanager-config", {"alertmanager.yml": config.alertmanager(settings, given)})
        files = [FilesMount(files=main, path="/etc/alertmanager")]
        if given:
            hidden = {file: pulumi.Output.secret(value) for file, value in given.items()}
            files.append(FilesMount(files=self._parts.files("alertmanager-secrets", hidden), path=config.SECRETS_PATH))
        # The application network is the one with a way out; without a receiver nothing leaves, and it stays off it.
        way_out = [Zone.APPLICATION] if config.has_receiver(settings, given) else []
        self._server(
            "alertmanager",
            args.images.alertmanager,
            limits=settings.small_limits,
            zones=[Zone.MONITORING, *way_out],
            command=[
                "--config.file=/etc/alertmanager/alertmanager.yml",
                "--storage.path=/alertmanager",
                # One of it: there is nobody to gossip with.
                "--cluster.listen-address=",
                *self._external_url("alertmanager"),
            ],
            files=files,
            volumes=[VolumeMount(volume=self._data("alertmanager"), path="/alertmanager")],
            health=exporters.http_health(_ALERTMANAGER, "/-/ready"),
        )
        args.proxy.forward("alertmanager", _ALERTMANAGER, parent=self)

    def _server(self, service: str, image: str, **rest: Any) -> None:
        Server(
            f"{self._name}-{service}",
            ServerArgs(
                foundation=self._args.foundation,
                service=service,
                image=self._parts.pulled(image, service),
                **rest,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _external_url(self, service: str) -> list[str]:
        """Messages link to where a person can open it; in production, that is nowhere."""
        port = self._args.settings.published().get(service)
        return [f"--web.external-url=http://localhost:{port}"] if port else []

    def _data(self, role: str) -> PreparedVolume:
        self.volumes[role] = self._parts.data(role, f"{role}-data")
        return self.volumes[role]
