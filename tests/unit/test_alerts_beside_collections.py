"""The comparison with public collections names alerts that there are, and gives every other one its reason."""

import re

from ..support.prometheus import rules
from .plans import ROOT

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
