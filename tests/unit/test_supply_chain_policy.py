"""`security/trivy-scan.yml`: what a security engineer may write there, and what each mistake says."""

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.images.supply_chain import Scanner, Severity, load_scan_policy, parse_policy
from components.settings import SettingsError

from .plans import ROOT

ENTRY = {"id": "CVE-2026-1", "reason": "not reachable, ticket 7", "expires": "2026-12-31"}


def problems(values: Any) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        parse_policy(values, "policy.yml")
    return raised.value.problems


def test_the_policy_of_the_repository_is_strict() -> None:
    policy = load_scan_policy(ROOT / "security" / "trivy-scan.yml")

    assert policy.threshold is Severity.HIGH
    assert set(policy.scanners) == set(Scanner)
    assert policy.ignore == ()


def test_the_one_for_machines_without_the_database_differs_in_the_scanners_only() -> None:
    offline = load_scan_policy(ROOT / "security" / "trivy-scan-offline.yml")

    assert Scanner.VULNERABILITIES not in offline.scanners
    usual = load_scan_policy(ROOT / "security" / "trivy-scan.yml")
    assert offline.model_copy(update={"scanners": usual.scanners}) == usual


def test_the_example_in_the_comments_can_be_used() -> None:
    lines = (ROOT / "security" / "trivy-scan.yml").read_text(encoding="utf-8").splitlines()
    example = [line.removeprefix("#") for line in lines if line.startswith("#   ")]

    parsed = parse_policy({"ignore": yaml.safe_load("\n".join(example))}, "example")

    assert parsed.ignore[0].expires == datetime.date(2026, 12, 31)
    assert parsed.ignore[0].package == "libexample"


def test_an_acceptance_needs_a_reason_and_an_end() -> None:
    assert problems({"ignore": [{"id": "CVE-2026-1"}]}) == [
        "ignore.0.expires: is required; add it",
        "ignore.0.reason: is required; add it",
    ]
    assert problems({"ignore": [ENTRY | {"reason": "ok"}]})[0].startswith(
        "ignore.0.reason: string should have at least"
    )
    assert problems({"ignore": [ENTRY | {"expires": "never"}]})[0].startswith("ignore.0.expires: ")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"treshold": "HIGH"}, "treshold: is not a known key; did you mean threshold?"),
        ({"threshold": "high"}, "threshold: must be one of UNKNOWN, LOW, MEDIUM, HIGH, CRITICAL; got 'high'"),
        ({"scanners": []}, "scanners must name at least one of vuln, secret, misconfig; got none"),
        (
            {"threshold": "MEDIUM", "severities": ["HIGH", "CRITICAL"]},
            "severities must have all from threshold MEDIUM on, else they could never stop a rollout; add MEDIUM",
        ),
        (["CVE-2026-1"], "must be a group of keys such as threshold: HIGH; got ['CVE-2026-1']"),
        (None, "must be a group of keys such as threshold: HIGH; got None"),
    ],
)
def test_a_mistake_says_where_and_what_to_do(values: Any, said: str) -> None:
    assert problems(values) == [said]


def test_a_file_that_cannot_be_read_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yml: cannot be read \(No such file or directory\)"):
        load_scan_policy(tmp_path / "none.yml")
    (tmp_path / "broken.yml").write_text("a: [", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"broken\.yml: is not YAML: "):
        load_scan_policy(tmp_path / "broken.yml")
    (tmp_path / "latin.yml").write_bytes("# gepr\xfcft".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"latin\.yml: is not UTF-8 text; save it as UTF-8"):
        load_scan_policy(tmp_path / "latin.yml")


def test_a_last_day_that_no_calendar_has_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "scan.yml"
    accepted = "ignore: [{id: CVE-2026-1, reason: nobody calls that function, expires: %s}]\n"
    file.write_text(accepted % "2026-06-31", encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        load_scan_policy(file)
    assert raised.value.problems == [
        "ignore.0.expires: must be a valid date or datetime, day value is outside expected range; got '2026-06-31'"
    ]

    file.write_text(accepted % "2026-06-30", encoding="utf-8")
    assert [entry.expires for entry in load_scan_policy(file).ignore] == [datetime.date(2026, 6, 30)]
