"""Figures, schedules, ports, alerts, volumes and places that the documentation names are those of the project."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from components.settings import Settings
from slidegenie.context import DEFAULT_STACK
from slidegenie.plan.view import VOLUME

from .plans import ROOT, plan_of

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
OF_PRODUCTION = [
    ROOT / "docs" / f"{name}.md"
    for name in ("operations", "upgrades", "backups", "maintenance", "troubleshooting", "edge")
]
_WITH_A_VARIABLE = re.compile(r"`make ([a-z-]+)((?:\s+[A-Z_]+=[^\s`]+)+)`")
_OF_NO_STACK = {"release-check", "test", "plan"}
_PLACE = re.compile(
    r"`((?:bench|components|docker|examples|monitoring|scripts|security|slidegenie|tests)/[\w./-]+?)/?`"
)
_VOLUME = re.compile(r"(?:-v |volume rm |filter volume=)(slidegenie-prod-[a-z-]+)")
_ALERT = re.compile(r"`((?:Backup|RestoreDrill|Policy)[A-Z][A-Za-z]+)`")


def _text(name: str) -> str:
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("page", OF_PRODUCTION, ids=lambda page: page.name)
def test_a_command_with_variables_says_in_a_sentence_too_which_stack_it_means(page: Path) -> None:
    commands = _WITH_A_VARIABLE.findall(page.read_text(encoding="utf-8"))
    assert [(name, said) for name, said in commands if name not in _OF_NO_STACK and "STACK=" not in said] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_place_in_the_project_that_a_page_names_is_there(page: Path) -> None:
    named = set(_PLACE.findall(page.read_text(encoding="utf-8")))
    assert sorted(place for place in named if not (ROOT / place).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_volume_that_a_command_of_a_page_names_is_one_of_prod(page: Path) -> None:
    volumes = {str(made.inputs.get("name")) for made in plan_of("prod").resources if made.type == VOLUME}
    named = set(_VOLUME.findall(page.read_text(encoding="utf-8")))
    assert named - volumes - {"slidegenie-prod-postgres-before"} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_alert_that_a_page_names_has_a_rule(page: Path) -> None:
    rules = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in (ROOT / "monitoring" / "rules").glob("*.yml")]
    alerts = {rule["alert"] for read in rules for group in read["groups"] for rule in group["rules"] if "alert" in rule}
    named = set(_ALERT.findall(page.read_text(encoding="utf-8")))
    assert named - alerts == set()


def test_the_pages_are_read_for_commands_places_volumes_and_alerts() -> None:
    """A pattern that finds nothing would let everything pass."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {"restore", "rotate", "destroy"} <= {name for name, _ in _WITH_A_VARIABLE.findall(text)}
    assert {"tests/engine/edge", "security/trivy-scan.yml"} <= set(_PLACE.findall(text))
    assert "slidegenie-prod-postgres" in _VOLUME.findall(text)
    assert {"BackupFailed", "PolicyViolated"} <= set(_ALERT.findall(text))


def test_the_ports_of_the_monitoring_page_are_those_of_dev() -> None:
    shown = re.findall(r"`http://localhost:(\d+)(?:/metrics)?`", _text("docs/monitoring.md"))
    assert shown == [
        re.sub(r".*:(\d+)$", r"\1", str(plan_of("dev").outputs[name]))
        for name in ("grafana", "prometheus", "alertmanager", "node-exporter", "cadvisor", "backend")
    ]


def test_the_limits_on_the_page_of_the_edge_are_the_defaults() -> None:
    proxy, page = Settings().proxy, _text("docs/edge.md")
    for claim in (
        f"a body of {proxy.request_mib} MiB (413)",
        f"headers of {proxy.header_kib} KiB (431",
        f"{proxy.rate_limit.requests_per_second} requests a second with bursts of {proxy.rate_limit.burst}",
        f"{proxy.timeouts.read_seconds} s for a request to arrive, {proxy.timeouts.write_seconds} s to answer it",
    ):
        assert claim in page


def test_the_times_on_the_page_of_backups_are_the_defaults() -> None:
    backup, page = Settings().backup, _text("docs/backups.md")
    shown = {
        key: (int(hour), int(minute), day)
        for key, day, hour, minute in re.findall(
            r"`backup\.(schedule|checkSchedule|drillSchedule)`, (?:(Saturday|Sunday) )?(\d\d):(\d\d)", page
        )
    }
    said = {"schedule": backup.schedule, "checkSchedule": backup.check_schedule, "drillSchedule": backup.drill_schedule}
    assert shown == {key: _time(str(schedule)) for key, schedule in said.items()}


def _time(schedule: str) -> tuple[int, int, str]:
    minute, hour, _, _, day = schedule.split()
    return int(hour), int(minute), {"*": "", "6": "Saturday", "0": "Sunday"}[day]


def test_the_policy_page_counts_the_rules_and_the_exceptions() -> None:
    policy = yaml.safe_load((ROOT / "security" / "container-security.yml").read_text(encoding="utf-8"))
    numbers = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")
    assert f"`rules`: {len(policy['rules'])} of them" in _text("docs/policy.md")
    assert f"The {numbers[len(policy['exceptions'])]} that are there" in _text("docs/policy.md")


def test_the_help_says_the_default_stack_of_what_does_not_ask_what_is_up() -> None:
    """`make plan` and `make secrets` mean `dev` whatever is up."""
    shown = _make("help")
    assert "of plan and secrets: dev" in shown
    assert [name for name in ("STACK=", "ENGINE=", "SLIDEGENIE_HOME=", "DOCKER_HOST=") if name not in shown] == []
    assert DEFAULT_STACK == "dev"


def _make(*arguments: str) -> str:
    bare = {
        name: value for name, value in os.environ.items() if name not in ("STACK", "ENGINE", "MAKEFLAGS", "MAKELEVEL")
    }
    return subprocess.run(
        ["/usr/bin/env", "make", *arguments], cwd=ROOT, env=bare, capture_output=True, text=True, check=True
    ).stdout
