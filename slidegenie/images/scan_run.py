"""Scan images by hand: those that are named, or those that run."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path

from components.core.labels import STACK_LABEL
from components.images.supply_chain.checks import covered, expiry
from components.images.supply_chain.inspection import CheckedImage, sbom, scan
from components.images.supply_chain.scan_policy import ScanPolicy, ScanResult, judge_report, load_scan_policy
from components.images.supply_chain.tools import SupplyChainError, Toolset, toolset
from components.settings import SettingsError

from ..console import Problem, echo, info, warn
from ..engine.docker import docker

PASSED, FOUND, UNABLE = 0, 1, 2
"""Exit codes: nothing stops any image; something does; a scan could not be done."""


def scan_images(images: Sequence[str], policy_file: Path, folder: Path, *, remote: bool, with_sbom: bool) -> int:
    """Scan images, by default those that run, and say what was found; each SBOM and report goes to `folder`.

    `remote` takes them from their registry and not the engine. Returns one of the exit codes.
    """
    try:
        policy = load_scan_policy(policy_file)
        images = images or running()
    except (SettingsError, SupplyChainError) as error:
        warn(str(error))
        return UNABLE
    if not images:
        warn("nothing of the platform runs here; name an image")
        return UNABLE
    info(f"{policy_file}: {covered(policy.scanners)}; stops at {policy.threshold.value}")
    folder.mkdir(parents=True, exist_ok=True)
    subjects = [CheckedImage(reference=image, pushed=remote) for image in images]
    return max(_looked_at(subject, policy, folder, with_sbom=with_sbom) for subject in subjects)


def running() -> list[str]:
    """Return the images of the platform's containers on this engine.

    Raises:
        SupplyChainError: when no engine answers.
    """
    try:
        listed = docker("ps", "--filter", f"label={STACK_LABEL}", "--format", "{{.Image}}")
    except Problem:
        raise SupplyChainError("no Docker engine answers: `docker version` says why; or name an image") from None
    return sorted(set(listed.stdout.split()))


def _looked_at(subject: CheckedImage, policy: ScanPolicy, folder: Path, *, with_sbom: bool) -> int:
    try:
        with toolset(fetch=True) as bench:
            images = subject.images(bench)
            return max(_scanned(bench, image, policy, folder, with_sbom=with_sbom) for image in images)
    except SupplyChainError as error:
        warn(f"{subject}: NOT SCANNED: {error}")
        return UNABLE


def _scanned(bench: Toolset, image: CheckedImage, policy: ScanPolicy, folder: Path, *, with_sbom: bool) -> int:
    name = "".join(c if c.isalnum() or c in "._-" else "_" for c in image.reference)
    try:
        report = scan(bench, image, policy)
        (folder / f"{name}.trivy.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        if with_sbom:
            (folder / f"{name}.spdx.json").write_bytes(sbom(bench, image).read_bytes())
        verdict = judge_report(report, policy, datetime.datetime.now(datetime.UTC).date())
    except SupplyChainError as error:
        warn(f"{image}: NOT SCANNED: {error}")
        return UNABLE
    print_findings(str(image), verdict)
    return PASSED if verdict.passed else FOUND


def print_findings(image: str, verdict: ScanResult) -> None:
    """Print the summary of a scan, what stops a rollout, and which acceptances have expired."""
    info(f"{image}: {verdict.summary()}")
    for line in (*map(str, verdict.stopping), *map(expiry, verdict.expired)):
        echo(f"    {line}")
