"""The image that is looked at, in a registry or on an engine only, and what Trivy and Syft find in it."""

import json
import mmap
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...settings.references import repository_of
from .scan_policy import Scanner, ScanPolicy
from .tools import SupplyChainError, ToolError, Toolset

_NO_PLATFORM = "unknown"
"""What BuildKit writes for statements that lie beside the images. No engine runs such an entry."""
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


@dataclass(frozen=True, kw_only=True)
class CheckedImage:
    """One image."""

    reference: str
    """`name@sha256:...` in a registry; on an engine, its ID or name."""
    pushed: bool
    """Whether it is in a registry."""
    platform: str | None = None
    """For which platform, where it is one of several."""

    def __str__(self) -> str:
        return f"{self.reference} ({self.platform})" if self.platform else self.reference

    @property
    def pinned(self) -> str:
        """Return the reference, which has a digest.

        Raises:
            SupplyChainError: when the reference has none: a tag can mean another image a moment later.
        """
        if _DIGEST.search(self.reference):
            return self.reference
        raise SupplyChainError(
            f"{self.reference} has no digest, and a tag may mean another image tomorrow: write it as name@sha256:..."
        )

    @property
    def digest(self) -> str:
        """Return the digest alone.

        Raises:
            SupplyChainError: when the reference has none.
        """
        return self.pinned.rpartition("@")[2]

    def images(self, bench: Toolset) -> tuple["CheckedImage", ...]:
        """Return the image of each platform: a tool that is given a list of them looks at one, and says nothing of it.

        Raises:
            ToolError: when the registry does not say.
        """
        if not self.pushed:
            return (self,)
        said = bench.docker("buildx", "imagetools", "inspect", "--raw", self.reference)
        try:
            listed = json.loads(said).get("manifests")
            if listed is None:
                return (self,)
            images = tuple(self._of(entry) for entry in listed if entry["platform"]["os"] != _NO_PLATFORM)
        except (ValueError, AttributeError, KeyError, TypeError):
            raise ToolError(f"the manifest of {self.reference} cannot be read; push the image anew") from None
        if not images:
            raise ToolError(f"{self.reference} is a list of no images; push the image anew")
        return images

    def _of(self, entry: dict[str, Any]) -> "CheckedImage":
        platform = entry["platform"]
        names = (platform["os"], platform["architecture"], platform.get("variant"))
        repository = repository_of(self.reference)
        return CheckedImage(
            reference=f"{repository}@{entry['digest']}", pushed=True, platform="/".join(filter(None, names))
        )

    def archive(self, bench: Toolset) -> Path:
        """Return the image of an engine as a file: tools then need neither its socket nor to be where it is."""
        file = bench.folder / "image.tar"
        if not file.exists():
            bench.docker("save", "--output", str(file), self.reference)
        return file


def sbom(bench: Toolset, subject: CheckedImage) -> Path:
    """Return the file with the software bill of materials of an image.

    Raises:
        ToolError: when Syft is missing or fails.
    """
    file = bench.folder / "sbom.spdx.json"
    source = f"registry:{subject.reference}" if subject.pushed else f"docker-archive:{subject.archive(bench)}"
    bench.run("syft", "scan", source, "--quiet", "--output", f"spdx-json={file}")
    return file


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
        *(["--image-src", "remote", subject.reference] if subject.pushed else ["--input", str(subject.archive(bench))]),
    )
    try:
        return json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ToolError(f"trivy left no report on {subject}; run it by hand to see why") from None


def _refuse_malicious(bench: Toolset) -> None:
    """Refuse by name, then by what is written in the program, and only then by what it says when it is started."""
    program = bench.on_path("trivy")
    tag = bench.image_of("trivy").partition("@")[0].rpartition(":")[2].removeprefix("v")
    named = tag if program is None else _written(program)
    if named in REFUSED:
        raise _refused(named)
    said = bench.run("trivy", "--version", "--format", "json")
    try:
        version = str(json.loads(said)["Version"])
    except (ValueError, KeyError, TypeError):
        raise ToolError("trivy does not tell its version; install one that does, 0.69.3 or 0.70 and newer") from None
    if version.removeprefix("v") in REFUSED:
        raise _refused(version)


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
