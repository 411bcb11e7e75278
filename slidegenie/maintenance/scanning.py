"""The daily scan: each image that runs, against the stack's own policy, as lines for people and as metrics."""

import datetime
import enum
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from components.core.assets import asset
from components.images.supply_chain import CheckedImage, Signer, SupplyChainError, load_scan_policy
from components.images.supply_chain.checks import covered
from components.images.supply_chain.cosign import verify
from components.images.supply_chain.inspection import scan
from components.images.supply_chain.scan_policy import ScanPolicy, ScanResult, Severity, judge_report
from components.images.supply_chain.tools import UnsignedError, toolset
from components.settings import Settings
from components.settings.sections.images import GENERATED

from ..console import Problem, info, warn
from ..engine.docker import containers, docker, service
from ..images.scan_run import print_findings
from .records import Ledger


class Signature(enum.Enum):
    """What is known of the signature of what runs."""

    VERIFIED = "verified"
    FAILED = "failed"
    UNSIGNED = "unsigned"
    """It does not run by a digest, and only that is what a signature holds."""
    UNCHECKED = "unchecked"
    """The key to look at it with is in the encrypted state, or the image could not be scanned."""


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """What is known of one image now."""

    image: str
    """Name people know it by."""
    failed: bool = False
    """Whether it could not be scanned."""
    findings: Mapping[Severity, int] = field(default_factory=dict)
    """What was found and not accepted, by severity."""
    verified: bool | None = None
    """Whether its signature counts; `None` where it has none to look at, or that could not be found out."""
    pinned: bool = False
    """Whether it runs by a digest."""

    @property
    def signature(self) -> Signature:
        """Whether anybody vouches for it, also where there is nothing to look at."""
        if self.verified is not None:
            return Signature.VERIFIED if self.verified else Signature.FAILED
        return Signature.UNCHECKED if self.pinned else Signature.UNSIGNED


def scan_running(label: str, settings: Settings) -> list[Scanned]:
    """Scan each image of the stack's running containers once.

    Raises:
        Problem: when nothing runs.
    """
    running: dict[str, list[str]] = {}
    pinned: dict[str, str] = {}
    for container in containers(label):
        running.setdefault(container["Image"], []).append(service(container))
        if "@sha256:" in container["Config"]["Image"]:
            pinned[container["Image"]] = container["Config"]["Image"]
    if not running:
        raise Problem(f"nothing of stack {label} runs here: `make up` starts it")
    file = Path(settings.supply_chain.scan_policy or asset("security", "trivy-scan.yml"))
    policy = load_scan_policy(file)
    info(f"{file}: {covered(policy.scanners)}; stops a rollout at {policy.threshold.value}")
    return [
        _scanned(identity, f"{_name(identity)} ({', '.join(sorted(set(used_by)))})", policy, settings, pinned)
        for identity, used_by in running.items()
    ]


def metrics(found: list[Scanned], ledger: Ledger) -> CollectorRegistry:
    """Return what the monitoring is told, and note when each image was scanned."""
    now, told = time.time(), CollectorRegistry()

    def gauge(name: str, about: str, *more: str) -> Gauge:
        return Gauge(f"slidegenie_{name}", about, ["image", *more], registry=told)

    scanned = gauge("scan_timestamp_seconds", "When it was last scanned; 0 when it never was.")
    findings = gauge("scan_findings", "What was found in it and not accepted.", "severity")
    verified = gauge("image_verified", "Whether its signature counts, where that was looked at.")
    signature = gauge("image_signature", "What is known of its signature.", "state")
    for image, when in ledger.scanned({one.image: 0.0 if one.failed else now for one in found}).items():
        scanned.labels(image).set(when)
    for one in found:
        for severity, number in one.findings.items():
            findings.labels(one.image, severity.value).set(number)
        if one.verified is not None:
            verified.labels(one.image).set(one.verified)
        signature.labels(one.image, one.signature.value).set(1)
    return told


def _scanned(identity: str, shown: str, policy: ScanPolicy, settings: Settings, pinned: Mapping[str, str]) -> Scanned:
    name = shown.partition(" ")[0]
    try:
        with toolset(fetch=True, images=settings.images) as bench:
            report = scan(bench, CheckedImage(reference=identity, pushed=False), policy)
        verdict = judge_report(report, policy, datetime.datetime.now(datetime.UTC).date())
    except SupplyChainError as error:
        warn(f"{shown}: NOT SCANNED: {error}")
        return Scanned(image=name, failed=True, pinned=identity in pinned)
    print_findings(shown, verdict)
    verified = _verified(pinned[identity], settings) if identity in pinned else None
    return Scanned(image=name, findings=_counted(verdict), verified=verified, pinned=identity in pinned)


def _counted(verdict: ScanResult) -> dict[Severity, int]:
    """Count by severity; a 0 is said too, so that a finding that went is seen to go."""
    found = [finding.severity for finding in (*verdict.stopping, *verdict.listed)]
    return {severity: found.count(severity) for severity in Severity}


def _verified(reference: str, settings: Settings) -> bool | None:
    """Look at the signature again, where that needs no secret.

    A generated key is in the encrypted state; a key file opens with a password only, and so says nothing of its public
    half. An answer that could not be had is no refusal.
    """
    chain = settings.supply_chain
    if chain.public_key is None and (chain.key == GENERATED or chain.key.startswith("/")):
        return None
    try:
        with toolset(fetch=True, images=settings.images) as bench:
            verify(bench, CheckedImage(reference=reference, pushed=True), Signer.of(chain))
    except UnsignedError as error:
        warn(f"{reference}: NOT VERIFIED: {error}")
        return False
    except SupplyChainError as error:
        warn(str(error))
        return None
    return True


def _name(identity: str) -> str:
    """Return a tag of an image that stays, else its short ID: in metrics and messages nobody knows a digest."""
    listed = docker("image", "inspect", "--format", "{{range .RepoTags}}{{.}} {{end}}", identity, check=False)
    tags = listed.stdout.split()
    return next((tag for tag in tags if not tag.endswith(":latest")), tags[0] if tags else identity[7:19])
