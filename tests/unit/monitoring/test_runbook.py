"""The runbook beside the rules: the same numbers, and for each alert something to type."""

import re
from typing import Any

import pytest
import yaml

from ...support.prometheus import MONITORING, Query, queries, rules
from ..plans import ROOT

_SQL = "docker compose -p slidegenie-prod exec postgres psql -h /var/run/postgresql -U slidegenie -c"
_PARTS = ["Means", "Users", "Check", "Mend", "Mended", "Otherwise"]
_SECONDS = {"s": 1, "second": 1, "minute": 60, "hour": 3600, "day": 86400}
_WINDOWS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LARGE = {"million": 1e6, "billion": 1e9}
_NUMBER = r"\d+(?:\.\d+)?(?:e\d+)?"


def sections() -> dict[str, str]:
    """Return the text of each section by the alert's name."""
    text = (MONITORING / "RUNBOOK.md").read_text(encoding="utf-8")
    found = re.split(r"^### (\S+)\n", text, flags=re.MULTILINE)
    return {
        name: re.split(r"^## ", body, flags=re.MULTILINE)[0]
        for name, body in zip(found[1::2], found[2::2], strict=True)
    }


SECTIONS = sections()
RULES = [rule for _, rule in rules()]
RECORDED = {str(rule["record"]): str(rule["expr"]) for rule in RULES if "record" in rule}
EVERY_SECTION = pytest.mark.parametrize("alert", SECTIONS)


def parts(alert: str) -> dict[str, str]:
    """Return the parts of a section by what they are called, in their order."""
    found = re.split(r"^- \*\*(\w+):\*\* ", SECTIONS[alert], flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def code(text: str) -> list[str]:
    """Return what is to be typed: blocks line by line, and what stands between backticks."""
    blocks = [line.strip() for line in text.splitlines() if line.startswith(" " * 6)]
    prose = "\n".join(line for line in text.splitlines() if not line.startswith(" " * 6))
    return blocks + [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


# ---------------------------------------------------------------------------- numbers


def said(text: str) -> set[float]:
    """Return the quantities that a text names, times in seconds and shares of 1."""
    found: set[float] = set()
    for number, unit in re.findall(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)(?: (%|s\b|[a-z]+))?", text):
        value = float(number.replace(",", ""))
        if unit == "%":
            value /= 100
        found.add(round(value * _SECONDS.get(unit.removesuffix("s") or "s", 1) * _LARGE.get(unit, 1), 6))
    return found


def held_for(rule: dict[str, Any]) -> float:
    """Return how long it must be so, in seconds."""
    return float(rule["for"][:-1]) * _WINDOWS[rule["for"][-1]]


def numbers(rule: dict[str, Any]) -> set[float]:
    """Return what the numbers in a rule come to."""
    query = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b[a-z_]+[_:][\w:]*", " ", rule["expr"])
    found = set()
    for product in re.findall(rf"{_NUMBER}(?:\s*\*\s*{_NUMBER})*", query):
        value = 1.0
        for factor in re.findall(_NUMBER, product):
            value *= float(factor)
        found.add(round(value, 6))
    if "/ 86400" in rule["expr"]:
        # A time that is counted in days.
        found = {value * 86400 for value in found - {86400.0}}
    return found


def thresholds(rule: dict[str, Any]) -> set[float]:
    """Return those that somebody has to know: 0 and 1 mostly only say yes or no."""
    return numbers(rule) - {0.0, 1.0}


def windows(rule: dict[str, Any]) -> set[float]:
    """Return the spans of time that a rule looks at, in seconds: its own, and those of what it was made of."""
    spans = re.findall(r"\[(\d+)([smhd])\]|(?:rate|increase)(\d+)([smhd])\b", rule["expr"])
    return {float(a or b) * _WINDOWS[c or d] for a, c, b, d in spans}


def limits(rule: dict[str, Any]) -> set[float]:
    """Return the limits of buckets that recorded rules behind it count by."""
    behind = [expr for name, expr in RECORDED.items() if name in rule["expr"]]
    return {float(limit) for expr in behind for limit in re.findall(r'le="([\d.]+)"', expr)}


def rules_of(alert: str) -> list[dict[str, Any]]:
    """Return the rules of that name: one, or one for each severity."""
    return [rule for rule in RULES if rule.get("alert") == alert]


@EVERY_SECTION
def test_the_numbers_of_a_section_are_those_of_its_rules(alert: str) -> None:
    named = said(" ".join(re.sub(r"`[^`]*`", "", parts(alert)["Means"]).split()))
    needed = {held_for(rule) for rule in rules_of(alert)}.union(*(thresholds(rule) for rule in rules_of(alert)))
    allowed = needed.union(*(numbers(rule) | windows(rule) | limits(rule) for rule in rules_of(alert)))

    assert needed - named == set(), "the rule says it and the runbook does not"
    assert named - allowed == set(), "the runbook says it and no rule does"


def test_a_number_that_differs_is_seen() -> None:
    rule = {"expr": 'rate(x_total{job="a5"}[5m]) / y_bytes > 0.9 or z_seconds > 26 * 3600 or v > 1.5e9', "for": "10m"}

    assert (thresholds(rule), windows(rule), held_for(rule)) == ({0.9, 93600.0, 1.5e9}, {300.0}, 600.0)
    assert said("More than 90 % over 5 minutes, 26 hours, 1.5 billion, 10,000 rows, 0.5 s, for 10 minutes.") == {
        0.9, 300.0, 93600.0, 1.5e9, 10000.0, 0.5, 600.0,
    }  # fmt: skip


# ---------------------------------------------------------------------------- commands


@EVERY_SECTION
def test_a_section_says_all_that_somebody_needs_at_night_in_one_order(alert: str) -> None:
    found = parts(alert)

    assert list(found) == _PARTS
    assert {part for part in ("Check", "Mend") if not code(found[part])} == set()
    assert {part for part, text in found.items() if len(text.strip()) < len("wait.")} == set()


@EVERY_SECTION
def test_every_command_names_the_stack(alert: str) -> None:
    """In another user's shell, or after work on another stack, a command without it would mean that one."""
    prose_names_only = {"make up", "make restore", "make schedule", "make drift"}
    for command in code(SECTIONS[alert]):
        for part in re.split(r" && | \|\| ", command):
            if part.startswith("make ") and part not in prose_names_only:
                assert "STACK=prod" in part, part
            if "docker compose" in part:
                assert "docker compose -p slidegenie-prod " in part, part


@EVERY_SECTION
def test_what_is_to_be_typed_in_a_block_has_the_stacks_name(alert: str) -> None:
    blocks = [
        line for line in SECTIONS[alert].splitlines() if line.startswith(" " * 6) and " make " in f" {line.strip()} "
    ]
    assert [line for line in blocks if "STACK=prod" not in line] == []


def asked(command: str) -> str | None:
    """Return the PromQL of a command that asks Prometheus."""
    found = re.search(r"promtool query instant http://127\.0\.0\.1:9090 '(.+)'$", command)
    return found[1] if found else None


@EVERY_SECTION
def test_queries_and_sql_come_with_the_client_that_runs_them(alert: str) -> None:
    for command in code(SECTIONS[alert]):
        if asked(command):
            assert command.startswith("docker compose -p slidegenie-prod exec prometheus promtool "), command
        elif re.match(r"(select|vacuum|alter|drop|update|delete)\b", command, re.IGNORECASE):
            assert alert == "PostgresTransactionIdsRunOut", f"{command}: without its client"
        elif "psql" in command:
            assert re.fullmatch(rf'{_SQL} "[^"]+"', command), command
        else:
            assert not re.search(r"\b(?:rate|increase|sum|topk|predict_linear)\s*\(", command), f"{command}: PromQL"


def test_what_prometheus_is_asked_is_something_that_rules_or_dashboards_ask_too() -> None:
    """A metric that nothing else looks at may have another name by now."""
    known = RECORDED.keys() | {name for query in queries() for name in query.vectors}
    others = {"prometheus_rule_group_last_duration_seconds"}
    for alert in SECTIONS:
        for query in filter(None, map(asked, code(SECTIONS[alert]))):
            assert set(Query("", query).vectors) - known - others == set(), alert


def test_services_and_metrics_that_commands_name_are_there() -> None:
    services = set(yaml.safe_load((ROOT / "docker-compose.prod.yml").read_text(encoding="utf-8"))["services"])
    named: set[str] = set()
    for alert in SECTIONS:
        for command in code(SECTIONS[alert]):
            found = re.search(
                r"-p slidegenie-prod (?:ps|logs|start|stop|restart|exec)((?: --?\S+(?: \d+)?)*)((?: [a-z-]+)*)", command
            )
            if found and " exec " in command:
                named.add(found[2].split()[0])
            elif found:
                named |= set(found[2].split())
    assert named - services == set()
    assert {"app", "postgres", "prometheus", "backup"} <= named


def test_a_missing_application_is_not_answered_with_the_release_before() -> None:
    """It goes to the one before a good one, and abandons that: only what a release broke is taken back."""
    assert "make rollback" not in parts("AppMissing")["Mend"]
    assert "make up STACK=prod" in parts("AppMissing")["Mend"]


def test_a_database_that_is_down_is_not_replaced_by_an_empty_one() -> None:
    found = parts("PostgresDown")

    assert "sudo mv" not in found["Mend"]
    assert found["Otherwise"].index("only then") < found["Otherwise"].index("sudo mv")
    assert "make down" in found["Otherwise"]
    typed = [line for line in code(found["Otherwise"]) if line.startswith(("make", "sudo"))]
    assert typed[0] == "make backups STACK=prod", "first it is seen that there is something to restore"
    assert not any("&&" in line for line in typed), "a step that fails is the last"


# ---------------------------------------------------------------------------- alerts beside collections
# The comparison with public collections names alerts that there are, and gives every other one its reason.


_PAGE = (ROOT / "docs" / "decisions" / "0012-alerts-beside-public-collections.md").read_text(encoding="utf-8")
_ALERTS = {(str(rule["alert"]), str(rule["labels"]["severity"])) for _, rule in rules() if "alert" in rule}


def table(title: str) -> list[tuple[str, str]]:
    """Return the rows of the table below a heading."""
    below = _PAGE.partition(f"## {title}")[2].partition("\n## ")[0]
    rows = [line.strip("| \n").split(" | ") for line in below.splitlines() if line.startswith("| ")]
    assert all(len(row) == 2 for row in rows)
    return [(what, answer) for what, answer in rows[1:]]


def test_what_was_taken_or_was_there_is_among_the_rules() -> None:
    rows = table("They have it, and ours had not: taken") + table("They have it, and it is here under another name")
    names = {alert for alert, _ in _ALERTS}
    assert len(rows) > 30
    for what, ours in rows:
        for named in re.sub(r", (?=critical)", ":", ours).split(", "):
            alert, _, severity = named.partition(":")
            assert alert in names, what
            assert not severity or (alert, severity) in _ALERTS, what


def test_what_was_not_taken_has_a_reason_and_names_alerts_that_there_are() -> None:
    rows = table("Not taken")
    names = {alert for alert, _ in _ALERTS}
    assert len(rows) > 20
    for what, why in rows:
        assert len(why) > len("not needed here"), what
        for named in re.findall(r"\b(?:[A-Z][a-z0-9]+){2,}\b", why):
            assert named in names | {"PostgreSQL"}, f"{what}: {named}"
