"""The gate: what stops a rollout is decided by a pure function over Trivy's own report."""

import copy
import datetime
from typing import Any

import pytest

from components.images.supply_chain import ScanResult, Severity, SupplyChainError, judge_report, parse_policy

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
