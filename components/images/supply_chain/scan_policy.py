"""`security/trivy-scan.yml`, in which a security engineer says what stops a rollout, and the gate that goes by it.

The gate is a pure function over Trivy's own report: it says whether an image may run, and why not.
"""

import datetime
import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from ...settings import Section, SettingsError
from ...settings.errors import explain
from ...settings.yaml_file import read_yaml
from .tools import SupplyChainError


class Scanner(enum.Enum):
    """What Trivy looks for."""

    VULNERABILITIES = "vuln"
    """Packages with known vulnerabilities; needs Trivy's database."""
    SECRETS = "secret"
    """Keys and passwords in a layer."""
    MISCONFIGURATION = "misconfig"
    """Mistakes in configuration files and in the image's own configuration."""


class Severity(enum.Enum):
    """How bad a finding is, in Trivy's words."""

    UNKNOWN = "UNKNOWN"
    """Nobody has said."""
    LOW = "LOW"
    """Low."""
    MEDIUM = "MEDIUM"
    """Medium."""
    HIGH = "HIGH"
    """High."""
    CRITICAL = "CRITICAL"
    """Critical."""

    @property
    def rank(self) -> int:
        """Order by severity, from 0."""
        return list(Severity).index(self)


class Ignored(Section):
    """A finding that somebody accepted, for a while."""

    id: Annotated[str, Field(min_length=1)]
    """As the report names it."""
    reason: Annotated[str, Field(min_length=10)]
    """Why it is accepted, and who says so; at least a few words."""
    expires: datetime.date
    """Last day it is accepted."""
    package: str | None = None
    """Package, or file of a secret or misconfiguration, it is accepted in. Default: everywhere."""


class ScanPolicy(Section):
    """Which findings count, and from when on they stop a rollout."""

    scanners: tuple[Scanner, ...] = tuple(Scanner)
    """What is looked for."""
    severities: tuple[Severity, ...] = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
    """What is listed."""
    threshold: Severity = Severity.HIGH
    """A finding of this severity or above stops a rollout."""
    unfixed: bool = False
    """Whether a vulnerability without a fix counts."""
    ignore: tuple[Ignored, ...] = ()
    """What is accepted."""

    def expired(self, today: datetime.date) -> tuple[Ignored, ...]:
        """Return what is accepted no more."""
        return tuple(entry for entry in self.ignore if entry.expires < today)

    def _broken(self) -> Iterator[str]:
        if not self.scanners:
            yield "scanners must name at least one of vuln, secret, misconfig; got none"
        above = [severity for severity in Severity if severity.rank >= self.threshold.rank]
        if missing := [severity.value for severity in above if severity not in self.severities]:
            yield (
                f"severities must have all from threshold {self.threshold.value} on, else they could never stop"
                f" a rollout; add {', '.join(missing)}"
            )


def load_scan_policy(file: Path) -> ScanPolicy:
    """Return what `file` says.

    Raises:
        SettingsError: when it cannot be read, with one line for each mistake.
    """
    return parse_policy(read_yaml(file, "supplyChain.scanPolicy"), str(file))


def parse_policy(values: Any, source: str) -> ScanPolicy:
    """Check `values`, what the policy file said. `source` is named in errors.

    Raises:
        SettingsError: with one line for each mistake.
    """
    if not isinstance(values, dict):
        raise SettingsError(source, [f"must be a group of keys such as threshold: HIGH; got {values!r}"])
    try:
        return ScanPolicy.model_validate(values, by_alias=True, by_name=False)
    except ValidationError as error:
        raise SettingsError(source, explain(error, ScanPolicy, values)) from None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing Trivy found."""

    id: str
    """Name of the vulnerability, or of the rule."""
    severity: Severity
    """How bad it is."""
    where: str
    """File or package list of the image."""
    package: str
    """Package and installed version; for a secret or misconfiguration, the file."""
    title: str
    """What it is."""
    fixed_in: str | None
    """Version without it; `None` when there is none, or it is no vulnerability."""
    vulnerability: bool
    """Whether a fix is somebody else's business."""

    def __str__(self) -> str:
        fix = f"; fixed in {self.fixed_in}" if self.fixed_in else ""
        return f"{self.severity.value} {self.id} in {self.package} ({self.where}): {self.title}{fix}"


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """What the gate says about one image."""

    stopping: tuple[Finding, ...]
    """Findings that stop a rollout, the worst first."""
    listed: tuple[Finding, ...]
    """Findings below the threshold, or without a fix."""
    ignored: tuple[Finding, ...]
    """Findings somebody accepted."""
    expired: tuple[Ignored, ...]
    """Entries of the ignore list whose day has passed and that would have accepted something."""

    @property
    def passed(self) -> bool:
        """Whether the image may run."""
        return not self.stopping

    def summary(self) -> str:
        """Return the counts in one line."""
        return f"{len(self.stopping)} stopping, {len(self.listed)} below the threshold, {len(self.ignored)} ignored"


def judge_report(report: Any, policy: ScanPolicy, today: datetime.date) -> ScanResult:
    """Return what `policy` says on `today` about a report in Trivy's JSON format.

    Raises:
        SupplyChainError: when it is no complete report. A report that cannot be read is never a clean one.
    """
    stopping: list[Finding] = []
    listed: list[Finding] = []
    ignored: list[Finding] = []
    expired: dict[int, Ignored] = {}
    for finding in _findings(report):
        if finding.severity not in policy.severities:
            continue
        entries = [entry for entry in policy.ignore if _covers(entry, finding)]
        if any(entry.expires >= today for entry in entries):
            ignored.append(finding)
            continue
        expired |= {id(entry): entry for entry in entries}
        waits_for_a_fix = finding.vulnerability and not finding.fixed_in and not policy.unfixed
        if finding.severity.rank >= policy.threshold.rank and not waits_for_a_fix:
            stopping.append(finding)
        else:
            listed.append(finding)
    return ScanResult(
        stopping=_worst_first(stopping),
        listed=_worst_first(listed),
        ignored=_worst_first(ignored),
        expired=tuple(expired.values()),
    )


def _covers(entry: Ignored, finding: Finding) -> bool:
    return entry.id == finding.id and entry.package in (None, finding.package.partition(" ")[0])


def _worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (-finding.severity.rank, finding.id, finding.package)))


def _findings(report: Any) -> Iterator[Finding]:
    if not isinstance(report, Mapping) or report.get("SchemaVersion") != 2:  # noqa: PLR2004 - the one Trivy writes
        raise SupplyChainError("the scan result is not a Trivy report (SchemaVersion 2); scan the image again")
    # An image without a single package has no results at all: valid, and clean.
    for result in _list(report, "Results"):
        target = _text(result, "Target")
        for found in _list(result, "Vulnerabilities"):
            yield _finding(found, target, _text(found, "VulnerabilityID"), vulnerability=True)
        for found in _list(result, "Secrets"):
            yield _finding(found, target, _text(found, "RuleID"))
        for found in _list(result, "Misconfigurations"):
            # Trivy can be told to list what is right as well.
            if _text(found, "Status") == "FAIL":
                yield _finding(found, target, _text(found, "ID"))


def _finding(found: Mapping[str, Any], target: str, name: str, *, vulnerability: bool = False) -> Finding:
    severity = _text(found, "Severity")
    if severity not in Severity.__members__:
        raise SupplyChainError(f"the scan result has an unknown severity {severity!r} for {name}; scan the image again")
    package = f"{_text(found, 'PkgName')} {_text(found, 'InstalledVersion')}" if vulnerability else target
    return Finding(
        id=name,
        severity=Severity[severity],
        where=target,
        package=package,
        title=str(found.get("Title") or found.get("Message") or "no title"),
        fixed_in=found.get("FixedVersion") or None,
        vulnerability=vulnerability,
    )


def _list(holder: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    items = holder.get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise SupplyChainError(f"the scan result is broken: {key} must be a list of groups; scan the image again")
    return items


def _text(holder: Mapping[str, Any], key: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str):
        raise SupplyChainError(f"the scan result is broken: {key} is missing; scan the image again")
    return value
