"""A running Prometheus, asked as the dashboards ask it; and the queries of dashboards and rules."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from components.monitoring import config
from components.settings import ImagesSettings, MonitoringSettings
from components.settings.sections.monitoring import Email

from .workspace import ROOT

MONITORING = ROOT / "monitoring"
OF_CADVISOR = re.compile(r"\bcontainer[_:]\w+|\bcontainer_")
"""What only cAdvisor measures, and what rules make of it."""
OF_TEXTFILES = re.compile(r"\bslidegenie_(backup|restore_drill|scan|image|policy)\w*")
"""What backups, scans and checks leave as files."""


@dataclass(frozen=True)
class Query:
    """One question that is asked of Prometheus."""

    where: str
    text: str

    @property
    def runnable(self) -> str:
        """The query with a dashboard's variables filled in, and time enough for what a test did before it asks."""
        return re.sub(r"\$\{?(\w+)\}?", lambda found: "30m" if found[1] == "__rate_interval" else ".*", self.text)

    @property
    def vectors(self) -> list[str]:
        """The names of the metrics it asks for."""
        without = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"|by \([^)]*\)", "", self.text)
        return sorted(set(re.findall(r"\b[a-z][a-z0-9]*[_:][a-zA-Z0-9_:]*\b(?!\s*\()", without)))


def dashboards() -> dict[str, dict[str, Any]]:
    """Return the dashboards by file name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in _files("dashboards/*.json")}


def rules() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each rule with the name of its file."""
    for path in _files("rules/*.yml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield path.name, rule


def runbook_url(rule: dict[str, Any], prometheus_file: str) -> str:
    """Return where an alert leads, by the labels of a configuration: what Prometheus makes of its annotation."""
    labels = yaml.safe_load(prometheus_file)["global"]["external_labels"]
    written = r'\{\{ printf \$externalLabels\.runbook_link (\d+) "(\w+)" \}\}'
    found = re.fullmatch(written, rule["annotations"]["runbook_url"])
    assert found, rule["annotations"]["runbook_url"]
    told = {"%[1]d": found[1], "%[2]s": found[2], "%%": "%"}
    return re.sub(r"%\[\d\][ds]|%%", lambda verb: told[verb[0]], labels["runbook_link"])


def alertmanager_for_everybody() -> str:
    """Return the Alertmanager's file as a stack gets it that tells people in every way there is."""
    mail = Email(to="a@example.com", sender="b@example.com", smarthost="mx.example.com:587", username="b")
    secrets = ("alert-webhook-url", "deadman-url", "slack-url", "smtp-password")
    return config.alertmanager(MonitoringSettings(email=mail, slack_channel="#alerts"), dict.fromkeys(secrets, "given"))


def queries() -> list[Query]:
    """Return every query of every dashboard and rule."""
    found = [Query(f"{name}: {_called(rule)}", rule["expr"]) for name, rule in rules()]
    for name, board in dashboards().items():
        for panel in board["panels"]:
            found += [
                Query(f"{name}: {panel['title']} {target['refId']}", target["expr"])
                for target in panel.get("targets", [])
            ]
        found += [Query(f"{name}: {note['name']}", note["expr"]) for note in board["annotations"]["list"]]
    return found


def _called(rule: dict[str, Any]) -> str:
    return f"{rule['alert']} {rule['labels']['severity']}" if "alert" in rule else str(rule["record"])


def _files(pattern: str) -> list[Path]:
    return sorted(MONITORING.glob(pattern))


def cadvisor_image() -> str:
    """Return the image of cAdvisor that the stack of stand-in images would run; none of them is one."""
    settings = yaml.safe_load((ROOT / "Pulumi.airgap.yaml").read_text(encoding="utf-8"))["config"]
    return str(settings["slidegenie:images"].get("cadvisor", ImagesSettings().cadvisor))


def has_cadvisor() -> bool:
    """Say whether somebody has given the engine that image."""
    command = ["docker", "image", "inspect", cadvisor_image()]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Prometheus:
    """The HTTP interface of one Prometheus."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return what a query gives now."""
        answer = httpx.post(f"{self._url}/query", data={"query": query}, timeout=20)
        assert answer.status_code == httpx.codes.OK, f"{query}: {answer.text}"
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def targets(self) -> dict[str, list[str]]:
        """Return the health of all targets by job."""
        found: dict[str, list[str]] = {}
        for target in httpx.get(f"{self._url}/targets", timeout=20).json()["data"]["activeTargets"]:
            found.setdefault(target["labels"]["job"], []).append(target["health"])
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Return what it knows of each rule."""
        groups = httpx.get(f"{self._url}/rules", timeout=20).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]
