"""The files under `monitoring/`: dashboards, rules, their tests and the runbook belong together."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.monitoring.boards import BOARDS

from ..support.prometheus import MONITORING, OF_CADVISOR, dashboards, queries, rules

ALERTS = [rule for _, rule in rules() if "alert" in rule]
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, board in dashboards().items()
    for panel in board["panels"]
    if panel["type"] != "row"
]
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
def test_a_panel_that_an_alert_uses_links_to_the_runbook(panel: dict[str, Any]) -> None:
    for link in panel["links"]:
        file, _, section = link["url"].partition("#")
        assert file == "monitoring/RUNBOOK.md"
        assert section in headings()


# ---------------------------------------------------------------------------- rules


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_says_all_that_somebody_needs_at_night(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"([A-Z][a-z0-9]*)+(In24h)?", rule["alert"])
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook_url"] == f"monitoring/RUNBOOK.md#{rule['alert'].lower()}"
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
    # Either it is quiet where a neighbour is not, or at another time.
    quiet = [check for check in checks if severity not in " ".join(s["labels"] for s in check["exp_samples"])]
    neighbours = [check for check in checks if len(check["exp_samples"]) == 1]
    assert quiet or neighbours, "no test sees it stay quiet"


def test_the_rules_pass_their_tests() -> None:
    tool("promtool", "check", "config", "prometheus.yml")
    tool("promtool", "check", "rules", "--lint=all", *sorted(str(path) for path in MONITORING.glob("rules/*.yml")))
    tool("promtool", "test", "rules", *map(str, TESTS))


def test_the_alertmanager_takes_its_file() -> None:
    tool("amtool", "check-config", "alertmanager.yml")


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
