"""The files under `monitoring/`: dashboards, rules, their tests and the runbook belong together."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.monitoring.runbook import panel_number, runbook_link
from scripts.dashboards import BOARDS

from ...support.prometheus import (
    MONITORING,
    OF_CADVISOR,
    OF_TEXTFILES,
    Query,
    alertmanager_for_everybody,
    dashboards,
    queries,
    rules,
    runbook_url,
)

PROMETHEUS_FILE = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
ALERTS = [rule for _, rule in rules() if "alert" in rule]
RECORDED = {str(rule["record"]): str(rule["expr"]) for _, rule in rules() if "record" in rule}
WITHOUT_PANEL = {
    "AlertsNotDelivered",
    "BackupNeverFinishes",
    "ConfigurationNotLoaded",
    "ContainerMetricsMissing",
    "EdgeServerDown",
    "HostClockOff",
    "HostClockWrong",
    "HostDiskError",
    "HostMemoryErrors",
    "HostRaidDegraded",
    "ImageOutdated",
    "MaintenanceOverdue",
    "PostgresMetricsIncomplete",
    "PostgresReplicationSlotUnused",
    "ProcessRestarting",
    "PrometheusNearItsLimit",
    "PrometheusStorageFailing",
    "RedisDown",
    "RedisSaveFailing",
    "RulesFailing",
    "RulesTooSlow",
    "StorageDown",
    "PostgresDown",
    "TextfileUnreadable",
    "Watchdog",
}
"""Alerts about something that is either well or not: there is no number to draw."""
DRAWN = {
    f"{name}: {panel['title']}": panel
    for name, board in dashboards().items()
    for panel in board["panels"]
    if panel["type"] != "row"
}
PANELS = [pytest.param(panel, id=where) for where, panel in DRAWN.items()]
TESTS = {path: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(MONITORING.glob("tests/*.yml"))}
CADVISOR = {
    line
    for line in (Path(__file__).parent / "cadvisor_metrics.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}


def headings() -> set[str]:
    """Return the sections of the runbook as links name them."""
    text = (MONITORING / "RUNBOOK.md").read_text(encoding="utf-8")
    return {found.lower() for found in re.findall(r"^### (\S+)$", text, re.MULTILINE)}


def tool(*command: str) -> None:
    """Run a checker of Prometheus where it is installed; the engine tests run it in its image in any case."""
    if (program := shutil.which(command[0])) is None:
        pytest.skip(f"{command[0]} is not on PATH")
    if command[0] == "promtool":
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        if "version 2." in version.stdout + version.stderr:
            pytest.skip("promtool is of Prometheus 2, which knows no retention in its configuration")
    done = subprocess.run([program, *command[1:]], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------------------- dashboards


def test_there_are_the_four_dashboards_people_know() -> None:
    assert {board["title"] for board in dashboards().values()} == {
        "Application Performance",
        "Infrastructure Monitoring",
        "Security Metrics",
        "Business Metrics",
    }
    assert set(dashboards()) == {f"{board.uid}.json" for board in BOARDS}


@pytest.mark.parametrize("board", dashboards().values(), ids=lambda board: board["uid"])
def test_a_dashboard_can_be_linked_to_and_not_edited(board: dict[str, Any]) -> None:
    assert board["uid"] == board["title"].lower().replace(" ", "-")
    assert board["editable"] is False
    assert board["description"].endswith("?")
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in board["panels"]]
    assert len(set(titles)) == len(titles)
    assert board["annotations"]["list"][0]["name"] == "Releases"


@pytest.mark.parametrize("board", dashboards().values(), ids=lambda board: board["uid"])
def test_a_dashboard_asks_the_datasource_of_its_variable(board: dict[str, Any]) -> None:
    text = json.dumps(board)
    assert "${DS_" not in text
    assert set(re.findall(r'"uid": "([^"]*)"', text)) == {board["uid"], "${datasource}"}
    assert board["templating"]["list"][0]["name"] == "datasource"
    known = {variable["name"] for variable in board["templating"]["list"]} | {"__rate_interval", "__all"}
    assert set(re.findall(r"\$\{?(\w+)", text)) <= known


@pytest.mark.parametrize("board", dashboards().values(), ids=lambda board: board["uid"])
def test_no_panel_covers_another(board: dict[str, Any]) -> None:
    cells: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells |= own


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_is_for_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith((".", "!"))
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_with_nothing_to_show_says_why_that_may_be(panel: dict[str, Any]) -> None:
    assert len(panel["fieldConfig"]["defaults"]["noValue"]) > len("No data yet")


def test_a_panel_of_what_a_command_leaves_says_which_command() -> None:
    """Before the first scan or backup these are empty, and that is no fault."""
    named = {
        panel["title"]: re.findall(r"make [a-z]+", panel["fieldConfig"]["defaults"]["noValue"])
        for panel in DRAWN.values()
        if any(OF_TEXTFILES.search(target["expr"]) for target in panel["targets"])
    }
    scan, backup, drill = ["make scan"], ["make backup"], ["make drill"]
    assert named == {
        "Findings by image and severity": scan,
        "Age of the last scan": scan,
        "Images whose signature verifies": scan,
        "Signatures": scan,
        "Rules of the policy that containers break": scan,
        "Age of the last good backup": backup,
        "Age of the last restore on trial": drill,
        "What the last runs said": backup + drill,
        "Files of volumes that could not be read": backup,
    }


@pytest.mark.parametrize("panel", PANELS)
def test_where_nothing_was_measured_a_panel_is_empty_and_shows_no_nan(panel: dict[str, Any]) -> None:
    """No request, no share and no quantile of them: 0 / 0 would be drawn as `NaN`, and the words for it never shown."""
    for target in panel["targets"]:
        query = target["expr"].removesuffix(")")
        if "histogram_quantile" in query or re.search(r"slo:\w+:ratio", query):
            assert re.search(r">= 0\)?$", query), query
        elif "rate(" in query.partition(" / ")[2]:
            assert re.search(r"> 0\)*$", query), query


def measured(query: str) -> set[str]:
    """Return the metrics that a query is made of, those behind recorded ones too."""
    # What only fills a gap with zeros is not what is shown.
    query = re.sub(r" or 0 \* .*", "", query)
    names = set(Query("", query).vectors) | set(re.findall(r"\bup\b(?:\{job=\"\w+\")?", query))
    return names.union(*(measured(RECORDED[name]) for name in names & RECORDED.keys()))


def alerts_on(panel: dict[str, Any]) -> set[str]:
    """Return the alerts that look at metrics of a panel."""
    drawn = set().union(*(measured(target["expr"]) for target in panel["targets"]))
    return {rule["alert"] for rule in ALERTS if drawn & measured(rule["expr"])}


def linked(panel: dict[str, Any]) -> set[str]:
    """Return the alerts whose sections of the runbook a panel links to."""
    return {link["title"].removeprefix("Runbook: ") for link in panel["links"]}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_that_an_alert_uses_links_to_the_runbook(panel: dict[str, Any]) -> None:
    assert [link["url"] for link in panel["links"]] == [
        runbook_link(link["title"].removeprefix("Runbook: ")) for link in panel["links"]
    ]
    assert {alert.lower() for alert in linked(panel)} <= headings()
    if alerts := alerts_on(panel):
        assert alerts & linked(panel), "none of the alerts that look at its numbers is linked"


def test_every_alert_is_on_a_panel_that_shows_its_numbers() -> None:
    shown = {alert for panel in DRAWN.values() for alert in alerts_on(panel) & linked(panel)}
    assert {rule["alert"] for rule in ALERTS} - shown == WITHOUT_PANEL


def color(panel: dict[str, Any], value: float) -> str:
    """Return the colour a value has."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return str([step["color"] for step in steps if step["value"] is None or step["value"] <= value][-1])


TILES = {
    "Age of the last good backup": (27 * 3600, 3600),
    "Age of the last restore on trial": (9 * 86400, 86400),
    "Age of the last scan": (27 * 3600, 3600),
    "Availability over an hour": (0.98, 0.9995),
    "Containers without a memory limit": (1, 0),
    "Days until certificates end": (20, 60),
    "Files of volumes that could not be read": (3, 0),
    "Images whose signature verifies": (0, 1),
    "Replicas that answer": (0, 2),
    "Rules of the policy that containers break": (1, 0),
    "Targets that do not answer": (1, 0),
    "What the last runs said": (0, 1),
    "Within 0.5 s over an hour": (0.2, 0.99),
}
"""For each tile that an alert looks at, a value at which it fires, and one of a good day."""


def test_a_tile_that_an_alert_looks_at_is_red_when_it_fires() -> None:
    tiles = {panel["title"]: panel for panel in DRAWN.values() if panel["type"] in {"stat", "bargauge"}}
    assert {title for title, panel in tiles.items() if panel["links"]} == set(TILES)
    seen = {title: (color(tiles[title], bad), color(tiles[title], good)) for title, (bad, good) in TILES.items()}
    assert seen == dict.fromkeys(TILES, ("red", "green"))


# ---------------------------------------------------------------------------- rules


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_says_all_that_somebody_needs_at_night(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"([A-Z][a-z0-9]*)+(In24h)?", rule["alert"])
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["summary"].endswith(".")
    section = rule["alert"].lower()
    link = f'{{{{ printf $externalLabels.runbook_link {panel_number(section)} "{section}" }}}}'
    assert rule["annotations"]["runbook_url"] == link
    assert runbook_url(rule, PROMETHEUS_FILE) == f"monitoring/RUNBOOK.md#{section}"
    assert rule["alert"].lower() in headings()


def test_the_runbook_has_no_section_without_an_alert() -> None:
    assert headings() == {rule["alert"].lower() for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_every_alert_is_tested_to_fire_and_not_to(rule: dict[str, Any]) -> None:
    checks = [
        sample
        for file in TESTS.values()
        for case in file["tests"]
        for sample in case["promql_expr_test"]
        if f'alertname="{rule["alert"]}"' in sample["expr"]
    ]
    severity = f'severity="{rule["labels"]["severity"]}"'
    expected = [" ".join(sample["labels"] for sample in check["exp_samples"]) for check in checks]
    assert any(severity in labels for labels in expected), "no test sees it fire"
    assert any(severity not in labels for labels in expected) or has_quiet_neighbour(rule), "no test sees it stay quiet"


def has_quiet_neighbour(rule: dict[str, Any]) -> bool:
    """Return whether a test feeds it two series of one metric, and only one of them fires."""
    metrics = measured(rule["expr"])
    for file in TESTS.values():
        for case in file["tests"]:
            fed = [series["series"].partition("{")[0] for series in case["input_series"]]
            firing = [
                len(check["exp_samples"])
                for check in case["promql_expr_test"]
                if f'alertname="{rule["alert"]}"' in check["expr"]
            ]
            if 1 in firing and any(fed.count(metric) > 1 for metric in metrics):
                return True
    return False


def test_prometheus_takes_its_file_and_the_rules() -> None:
    tool("promtool", "check", "config", "prometheus.yml")
    tool("promtool", "check", "rules", "--lint=all", *sorted(str(path) for path in MONITORING.glob("rules/*.yml")))


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_the_rules_of_a_file_pass_their_tests(file: Path) -> None:
    tool("promtool", "test", "rules", str(file))


def test_the_alertmanager_takes_its_file(tmp_path: Path) -> None:
    (tmp_path / "alertmanager.yml").write_text(alertmanager_for_everybody(), encoding="utf-8")
    tool("amtool", "check-config", "alertmanager.yml", str(tmp_path / "alertmanager.yml"))


def test_a_storage_that_is_down_explains_both_of_its_targets_and_no_other() -> None:
    config = yaml.safe_load((MONITORING / "alertmanager.yml").read_text(encoding="utf-8"))
    [rule] = [rule for rule in config["inhibit_rules"] if rule["source_matchers"] == ['alertname="StorageDown"']]
    assert rule == {
        "source_matchers": ['alertname="StorageDown"'],
        "target_matchers": ['alertname="TargetDown"', 'job=~"minio|minio-drives"'],
    }


def test_of_postgresqls_settings_those_are_kept_that_are_asked_for() -> None:
    config = yaml.safe_load(PROMETHEUS_FILE)
    [job] = [job for job in config["scrape_configs"] if job["job_name"] == "postgres"]
    [dropped] = [rule["regex"] for rule in job["metric_relabel_configs"]]
    asked = {name for query in queries() for name in query.vectors if name.startswith("pg_settings_")}
    assert asked == {"pg_settings_max_connections", "pg_settings_max_locks_per_transaction"}
    assert [name for name in sorted(asked) if re.fullmatch(dropped, name)] == []
    assert re.fullmatch(dropped, "pg_settings_work_mem_bytes")
    assert re.fullmatch(dropped, "pg_settings_max_wal_size_bytes")


def test_pint_finds_nothing() -> None:
    tool("pint", "--offline", "lint", "--fail-on=warning", "rules")


# ---------------------------------------------------------------------------- cAdvisor


@pytest.mark.parametrize("query", [q for q in queries() if OF_CADVISOR.search(q.text)], ids=lambda query: query.where)
def test_what_is_asked_of_cadvisor_is_in_its_documentation(query: Any) -> None:
    """It cannot run everywhere the tests do, so names are compared with what its authors wrote down."""
    recorded = {str(rule["record"]) for _, rule in rules() if "record" in rule}
    for name in query.vectors:
        assert name in CADVISOR | recorded or not name.startswith("container"), name
    assert any(name in CADVISOR | recorded for name in query.vectors)
