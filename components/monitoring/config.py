"""What Prometheus and Alertmanager are told: the files under `monitoring/`, fitted to one stack."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from ..core.assets import asset
from ..core.text import json_text, literally
from ..settings import MonitoringSettings
from .args import Additions, ScrapeTarget
from .runbook import LINK, RUNBOOK_PATH, UID, runbook_board

RULES_PATH = "/etc/prometheus/rules"
SECRETS_PATH = "/run/secrets"
_OF_URLS = "%/?:@!&()*+,;=-._~#"
"""What stands in a link as it is. All else is encoded: Prometheus would take braces for its own, Grafana `$` and
brackets."""
_SLOWEST = 10
"""Seconds after which a reading has failed, or less where readings are more frequent."""


def prometheus(
    settings: MonitoringSettings,
    jobs: Collection[str],
    targets: Sequence[ScrapeTarget],
    stack: str,
    *,
    app_port: int,
    grafana_url: str,
) -> str:
    """Return `prometheus.yml` with the `jobs` of the platform that run, and the `targets` of others.

    Messages link to the runbook at `grafana_url`, where Grafana runs and the settings name no other place.
    """
    config: dict[str, Any] = yaml.safe_load(text("prometheus.yml"))
    own = {job["job_name"]: job for job in config["scrape_configs"]}
    if taken := sorted({target.service for target in targets} & own.keys()):
        raise ValueError(f"scrape target {taken[0]!r} has the name of a job of the platform; rename the service")
    own["app"]["dns_sd_configs"][0]["port"] = app_port
    own["cadvisor"]["metric_relabel_configs"][0]["replacement"] = stack
    config["global"] |= {
        "scrape_interval": f"{settings.scrape_seconds}s",
        "scrape_timeout": f"{min(settings.scrape_seconds, _SLOWEST)}s",
        "evaluation_interval": f"{settings.scrape_seconds}s",
        # The first says in every message which stack it is about; the second is what rules link with.
        "external_labels": {"stack": stack, "runbook_link": _runbook_link(settings, grafana_url)},
    }
    config["storage"]["tsdb"]["retention"] = {
        "time": f"{settings.retention_days}d",
        "size": f"{settings.retention_mib}MB",
    }
    config["rule_files"] = [f"{RULES_PATH}/*.yml"]
    config["scrape_configs"] = [own[job] for job in own if job in jobs] + [_discovered(target) for target in targets]
    return _yaml(config)


def rules(jobs: Collection[str], additions: Additions) -> dict[str, str]:
    """Return the rule files by name: those of the jobs that run, those of no job, and the ones that are added."""
    every_job = {job["job_name"] for job in yaml.safe_load(text("prometheus.yml"))["scrape_configs"]}
    chosen = {
        path.name: path.read_text(encoding="utf-8")
        for path in _files("rules", "*.yml")
        if path.stem in jobs or path.stem not in every_job
    }
    return _joined(chosen, additions.rules, "rule file")


def dashboards(settings: MonitoringSettings, additions: Additions, stack: str, compose_project: str) -> dict[str, str]:
    """Return the dashboards by file name, with the ones that are added; the runbook's commands are those of `stack`."""
    own = {path.name: path.read_text(encoding="utf-8") for path in _files("dashboards", "*.json")}
    if settings.runbook_url is not None:
        start = _link_start(settings.runbook_url)
        own = {name: json_text(_linked(json.loads(board), start)) for name, board in own.items()}
    else:
        own[f"{UID}.json"] = runbook_board(text("RUNBOOK.md"), stack, compose_project)
    return _joined(own, additions.dashboards, "dashboard")


def alertmanager(settings: MonitoringSettings, given: Mapping[str, str]) -> str:
    """Return `alertmanager.yml` with the receivers that are configured; `given` has the secret files there are."""
    routes, _, _ = text("alertmanager.yml").partition("receivers:")
    receivers = [{"name": name} | ways for name, ways in _receivers(settings, given).items()]
    return routes.replace(": 4h", f": {settings.repeat_hours}h") + _yaml({"receivers": receivers})


def has_receiver(settings: MonitoringSettings, given: Mapping[str, str]) -> bool:
    """Return whether anything leaves Alertmanager, which then needs a way out."""
    return any(_receivers(settings, given).values())


def datasource(settings: MonitoringSettings) -> str:
    """Return Grafana's datasource, which must know how far apart the values are to draw a rate of them."""
    return text("grafana", "datasource.yml").replace(": 15s", f": {settings.scrape_seconds}s")


def _receivers(settings: MonitoringSettings, given: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the ways to each receiver that the routes name; there may be none."""
    return {"people": _people(settings, given), "deadman": _webhook("deadman-url", given, send_resolved=False)}


def _people(settings: MonitoringSettings, given: Mapping[str, str]) -> dict[str, Any]:
    receiver = _webhook("alert-webhook-url", given, send_resolved=True)
    if (mail := settings.email) is not None:
        login = {"auth_username": mail.username, "auth_password_file": f"{SECRETS_PATH}/smtp-password"}
        receiver["email_configs"] = [
            {
                "to": literally(mail.to),
                "from": literally(mail.sender),
                "smarthost": mail.smarthost,
                "send_resolved": True,
            }
            | (login if mail.username else {})
        ]
    if settings.slack_channel is not None:
        receiver["slack_configs"] = [
            {
                "api_url_file": f"{SECRETS_PATH}/slack-url",
                "channel": literally(settings.slack_channel),
                "send_resolved": True,
                "title": "{{ .Status | toUpper }} {{ .CommonLabels.alertname }} ({{ .CommonLabels.severity }})",
                "text": "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.runbook_url }}\n{{ end }}",
            }
        ]
    return receiver


def _webhook(file: str, given: Mapping[str, str], *, send_resolved: bool) -> dict[str, Any]:
    if file not in given:
        return {}
    return {"webhook_configs": [{"url_file": f"{SECRETS_PATH}/{file}", "send_resolved": send_resolved}]}


def _discovered(target: ScrapeTarget) -> dict[str, Any]:
    return {
        "job_name": target.service,
        "metrics_path": target.path,
        "dns_sd_configs": [
            {"names": [target.service], "type": "A", "port": target.port, "refresh_interval": "5s"},
        ],
    }


def _joined(own: dict[str, str], added: Mapping[str, str], what: str) -> dict[str, str]:
    if taken := sorted(own.keys() & added.keys()):
        raise ValueError(f"{what} {taken[0]} is the platform's own; give yours another name")
    return own | dict(added)


def _runbook_link(settings: MonitoringSettings, grafana_url: str) -> str:
    """Return what makes a link of a section's number (of its panel in Grafana) and its name, for `printf`."""
    if settings.runbook_url is not None:
        return _link_start(settings.runbook_url).replace("%", "%%") + "%[2]s"
    return f"{grafana_url}{RUNBOOK_PATH}%[1]d" if settings.grafana else "monitoring/RUNBOOK.md#%[2]s"


def _link_start(runbook_url: str) -> str:
    return f"{quote(runbook_url, safe=_OF_URLS)}#"


def _linked(value: Any, start: str) -> Any:
    """Return a part of a dashboard whose links to the runbook begin with `start`."""
    match value:
        case str():
            return LINK.sub(lambda link: start + link[1], value)
        case list():
            return [_linked(item, start) for item in value]
        case dict():
            return {key: _linked(item, start) for key, item in value.items()}
        case _:
            return value


def _files(folder: str, pattern: str) -> list[Path]:
    return sorted(Path(asset("monitoring", folder)).glob(pattern))


def text(*parts: str) -> str:
    """Return a file of `monitoring/`."""
    return Path(asset("monitoring", *parts)).read_text(encoding="utf-8")


class _Dumper(yaml.SafeDumper):
    """Writes as the files in the repository are written: what is left as it is there, Compose mounts from there."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)
