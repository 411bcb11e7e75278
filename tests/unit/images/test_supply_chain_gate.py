"""The gate: what stops a rollout is decided by a pure function over Trivy's own report."""

import copy
import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.images.supply_chain import (
    Scanner,
    ScanResult,
    Severity,
    SupplyChainError,
    judge_report,
    load_scan_policy,
    parse_policy,
)
from components.settings import SettingsError

from ..plans import ROOT

TODAY = datetime.date(2026, 11, 23)

# As Trivy 0.69.3 writes it, shortened to the keys of one finding of each kind.
REPORT: dict[str, Any] = {
    "SchemaVersion": 2,
    "ArtifactName": "registry.example.com/slidegenie/backend@sha256:" + "a" * 64,
    "ArtifactType": "container_image",
    "Metadata": {"OS": {"Family": "debian", "Name": "12.15"}},
    "Results": [
        {
            "Target": "backend (debian 12.15)",
            "Class": "os-pkgs",
            "Type": "debian",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2026-0001",
                    "PkgName": "openssl",
                    "InstalledVersion": "3.0.1",
                    "FixedVersion": "3.0.2",
                    "Severity": "CRITICAL",
                    "Title": "remote code execution",
                },
                {
                    "VulnerabilityID": "CVE-2026-0002",
                    "PkgName": "zlib1g",
                    "InstalledVersion": "1.2.13",
                    "Severity": "HIGH",
                    "Title": "nobody has fixed it",
                },
                {
                    "VulnerabilityID": "CVE-2026-0003",
                    "PkgName": "tar",
                    "InstalledVersion": "1.34",
                    "FixedVersion": "1.35",
                    "Severity": "LOW",
                    "Title": "a crash",
                },
            ],
        },
        {
            "Target": "/settings.ini",
            "Class": "secret",
            "Secrets": [{"RuleID": "github-pat", "Severity": "CRITICAL", "Title": "GitHub token", "StartLine": 3}],
        },
        {
            "Target": "backend",
            "Class": "config",
            "Misconfigurations": [
                {"ID": "DS-0002", "Severity": "HIGH", "Status": "FAIL", "Title": "the user is root"},
                {"ID": "DS-0026", "Severity": "LOW", "Status": "PASS", "Title": "it has a health check"},
            ],
        },
    ],
}


def verdict(report: Any = None, **policy: Any) -> ScanResult:
    return judge_report(
        REPORT if report is None else report, parse_policy({"threshold": "HIGH", **policy}, "policy"), TODAY
    )


def accepted(name: str, expires: str = "2026-12-31", **rest: str) -> dict[str, Any]:
    return {"id": name, "reason": "checked by security, ticket 7", "expires": expires, **rest}


def ids(findings: Any) -> list[str]:
    return [finding.id for finding in findings]


def test_what_reaches_the_threshold_stops_the_worst_first() -> None:
    said = verdict()

    assert not said.passed
    assert ids(said.stopping) == ["CVE-2026-0001", "github-pat", "DS-0002"]
    assert ids(said.listed) == ["CVE-2026-0002", "CVE-2026-0003"]
    assert said.summary() == "3 stopping, 2 below the threshold, 0 ignored"


def test_a_finding_says_what_where_and_what_would_mend_it() -> None:
    said = [str(finding) for finding in verdict().stopping]

    assert said == [
        "CRITICAL CVE-2026-0001 in openssl 3.0.1 (backend (debian 12.15)): remote code execution; fixed in 3.0.2",
        "CRITICAL github-pat in /settings.ini (/settings.ini): GitHub token",
        "HIGH DS-0002 in backend (backend): the user is root",
    ]


def test_a_clean_report_passes() -> None:
    assert verdict({"SchemaVersion": 2}).passed
    assert verdict({"SchemaVersion": 2, "Results": None}).passed
    assert verdict({"SchemaVersion": 2, "Results": [{"Target": "backend", "Class": "lang-pkgs"}]}).passed


def test_all_below_the_threshold_passes() -> None:
    report = copy.deepcopy(REPORT)
    report["Results"] = report["Results"][:1]

    assert not verdict(report).passed
    report["Results"][0]["Vulnerabilities"][0]["Severity"] = "MEDIUM"
    assert verdict(report).passed
    assert ids(verdict(report).listed) == ["CVE-2026-0002", "CVE-2026-0001", "CVE-2026-0003"]


def test_a_vulnerability_without_a_fix_stops_only_where_it_is_asked_to() -> None:
    assert "CVE-2026-0002" in ids(verdict(unfixed=True).stopping)
    # A secret is never waiting for somebody else.
    assert "github-pat" in ids(verdict(unfixed=False).stopping)


def test_a_severity_that_is_not_asked_for_is_not_even_listed() -> None:
    assert ids(verdict(severities=["HIGH", "CRITICAL"]).listed) == ["CVE-2026-0002"]


def test_what_was_accepted_is_ignored_to_the_end_of_its_last_day() -> None:
    entries = [accepted("CVE-2026-0001", "2026-11-23"), accepted("github-pat"), accepted("DS-0002")]

    said = verdict(ignore=entries)

    assert said.passed
    assert ids(said.ignored) == ["CVE-2026-0001", "github-pat", "DS-0002"]
    assert said.expired == ()


def test_an_acceptance_that_has_expired_stops_and_is_named() -> None:
    said = verdict(ignore=[accepted("CVE-2026-0001", "2026-11-22"), accepted("CVE-2020-9999", "2020-01-01")])

    assert "CVE-2026-0001" in ids(said.stopping)
    # The other one has expired too, but would have accepted nothing.
    assert ids(said.expired) == ["CVE-2026-0001"]


def test_an_acceptance_renewed_beside_the_expired_one_counts() -> None:
    said = verdict(ignore=[accepted("CVE-2026-0001", "2020-01-01"), accepted("CVE-2026-0001")])

    assert ids(said.ignored) == ["CVE-2026-0001"]
    assert said.expired == ()


@pytest.mark.parametrize(("package", "ignored"), [("openssl", 1), ("zlib1g", 0), ("open", 0)])
def test_an_acceptance_for_one_package_is_for_that_one_only(package: str, ignored: int) -> None:
    assert len(verdict(ignore=[accepted("CVE-2026-0001", package=package)]).ignored) == ignored


def test_an_acceptance_can_be_for_a_secret_in_one_file() -> None:
    assert ids(verdict(ignore=[accepted("github-pat", package="/settings.ini")]).ignored) == ["github-pat"]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (None, "not a Trivy report"),
        ([], "not a Trivy report"),
        ({}, "not a Trivy report"),
        ({"SchemaVersion": 1, "Results": []}, "not a Trivy report"),
        ({"SchemaVersion": 2, "Results": "none"}, "Results must be a list"),
        ({"SchemaVersion": 2, "Results": ["none"]}, "Results must be a list"),
        ({"SchemaVersion": 2, "Results": [{}]}, "Target is missing"),
        ({"SchemaVersion": 2, "Results": [{"Target": "x", "Vulnerabilities": [{}]}]}, "VulnerabilityID is missing"),
        (
            {"SchemaVersion": 2, "Results": [{"Target": "x", "Secrets": [{"RuleID": "r", "Severity": "BAD"}]}]},
            "unknown severity 'BAD' for r",
        ),
        (
            {"SchemaVersion": 2, "Results": [{"Target": "x", "Misconfigurations": [{"ID": "r"}]}]},
            "Status is missing",
        ),
    ],
)
def test_a_broken_report_is_never_a_clean_one(report: Any, said: str) -> None:
    with pytest.raises(SupplyChainError, match=said):
        judge_report(report, parse_policy({}, "policy"), TODAY)


def test_severities_are_ordered() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank) == [
        Severity.UNKNOWN,
        Severity.LOW,
        Severity.MEDIUM,
        Severity.HIGH,
        Severity.CRITICAL,
    ]


# ---------------------------------------------------------------------------- supply chain policy
# `security/trivy-scan.yml`: what a security engineer may write there, and what each mistake says.


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
