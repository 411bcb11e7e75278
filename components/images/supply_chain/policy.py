"""Read `security/trivy-scan.yml`, the file in which a security engineer says what stops a rollout."""

import datetime
import enum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from ...settings import Section, SettingsError
from ...settings.errors import explain
from ...settings.yaml_file import read_yaml


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

    @model_validator(mode="after")
    def _all_above_the_threshold_is_looked_for(self) -> "ScanPolicy":
        if not self.scanners:
            raise ValueError("scanners must name at least one of vuln, secret, misconfig; got none")
        above = [severity for severity in Severity if severity.rank >= self.threshold.rank]
        if missing := [severity.value for severity in above if severity not in self.severities]:
            raise ValueError(
                f"severities must have all from threshold {self.threshold.value} on, else they could never stop"
                f" a rollout; add {', '.join(missing)}"
            )
        return self


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
