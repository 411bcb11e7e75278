"""Scan an image with Trivy, any release but the malicious ones."""

import json
import mmap
from pathlib import Path
from typing import Any

from .errors import ToolError
from .policy import Scanner, ScanPolicy
from .subject import CheckedImage
from .tools import Toolset

REFUSED = ("0.69.4", "0.69.5", "0.69.6")
"""CVE-2026-33634: published by attackers in March 2026, they steal the credentials of the machine they run on."""


def scan(bench: Toolset, subject: CheckedImage, policy: ScanPolicy) -> Any:
    """Return Trivy's report on an image.

    Raises:
        ToolError: when Trivy is missing, refused, or fails.
    """
    _refuse_malicious(bench)
    report = bench.folder / "trivy.json"
    # One that is left from another image must not be taken for this one's.
    report.unlink(missing_ok=True)
    scanners = [scanner.value for scanner in policy.scanners]
    in_configuration = [scanner.value for scanner in policy.scanners if scanner is not Scanner.VULNERABILITIES]
    # Without the database there is nothing to fetch, and so nothing is.
    offline = [] if Scanner.VULNERABILITIES in policy.scanners else ["--offline-scan", "--skip-check-update"]
    bench.run(
        "trivy",
        *("image", "--format", "json", "--output", str(report), "--quiet", "--no-progress"),
        *("--scanners", ",".join(scanners)),
        *(["--image-config-scanners", ",".join(in_configuration)] if in_configuration else []),
        *offline,
        *_source(bench, subject),
    )
    try:
        return json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ToolError(f"trivy left no report on {subject}; run it by hand to see why") from None


def _source(bench: Toolset, subject: CheckedImage) -> list[str]:
    if subject.pushed:
        return ["--image-src", "remote", subject.reference]
    return ["--input", str(subject.archive(bench))]


def _refuse_malicious(bench: Toolset) -> None:
    """Refuse by name, then by what is written in the program, and only then by what it says when it is started."""
    program = bench.on_path("trivy")
    named = _tag(bench.image_of("trivy")) if program is None else _written(program)
    if named in REFUSED:
        raise _refused(named)
    said = bench.run("trivy", "--version", "--format", "json")
    try:
        version = str(json.loads(said)["Version"])
    except (ValueError, KeyError, TypeError):
        raise ToolError("trivy does not tell its version; install one that does, 0.69.3 or 0.70 and newer") from None
    if version.removeprefix("v") in REFUSED:
        raise _refused(version)


def _tag(image: str) -> str:
    return image.partition("@")[0].rpartition(":")[2].removeprefix("v")


def _written(program: Path) -> str | None:
    """Return the refused version that the linker wrote into `program`, which is not started for it."""
    if not program.stat().st_size:
        return None
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return next((v for v in REFUSED if content.find(f"pkg/version/app.ver={v}".encode()) >= 0), None)


def _refused(version: str) -> ToolError:
    return ToolError(
        f"trivy {version} is a malicious release (CVE-2026-33634): delete it, change every password and token this"
        " machine knows, and install another version (scripts/install-supply-chain-tools.sh trivy)"
    )
