"""One image after the other: built, looked at, signed, and only then given its names."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from components.core.assets import asset
from components.images.backend_image import BackendImageArgs, backend_build
from components.images.supply_chain import CheckedImage, Checks, Signer, load_scan_policy
from components.images.supply_chain.tools import Toolset
from components.images.variants import ImageVariant
from components.settings import BuildCache, Settings
from components.settings.sections.images import GENERATED, KEYLESS, Require

from ..console import Problem, info
from ..engine.docker import docker
from .buildx import Builder


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What an image has to pass."""

    checks: Checks
    """The steps of the supply chain."""
    scan: bool
    sign: bool
    """Whether it is signed, and that verified."""
    unscanned: str
    """Why it is not scanned."""

    @classmethod
    def of(cls, settings: Settings, *, scan: bool | None, sign: bool, key: str | None) -> "Inspection":
        """Return what was asked for. Without an answer about the scan, an image is scanned where Trivy is.

        Raises:
            Problem: when there is no key to sign with, or nobody is named whose keyless signature counts.
        """
        chain = settings.supply_chain
        signs_with = key or chain.key
        if sign and signs_with == GENERATED:
            raise Problem(
                "--sign needs a key that is not in a stack's state: make one with `cosign generate-key-pair` and give"
                " --key cosign.key (its password in COSIGN_PASSWORD), a KMS URI, or set supplyChain.key and --stack"
            )
        if sign and signs_with == KEYLESS and not (chain.identity and chain.issuer):
            raise Problem(
                "--sign --key keyless needs to know whose signature counts, as anybody can get a certificate: set"
                " supplyChain.key: keyless with identity and issuer in a stack, and name it with --stack"
            )
        there = Toolset.on_path("trivy") is not None
        return cls(
            checks=Checks(
                # What was asked for by name may fetch its tool.
                require=Require.ENFORCE,
                policy=Path(chain.scan_policy or asset("security", "trivy-scan.yml")),
                signer=replace(Signer.of(chain, os.environ.get("COSIGN_PASSWORD", "")), key=signs_with),
                images=settings.images,
            ),
            scan=there if scan is None else scan,
            sign=sign,
            unscanned="no: --no-scan" if scan is False else "no: trivy is not on PATH",
        )

    @property
    def tools(self) -> tuple[str, ...]:
        """What it takes."""
        return (*(("trivy",) if self.scan else ()), *(("syft", "cosign") if self.sign else ()))


@dataclass(frozen=True, kw_only=True)
class BuiltVariant:
    """What became of one variant."""

    variant: ImageVariant
    reference: str
    """`name@sha256:...` of a pushed image, else its ID."""
    pushed: bool
    """Whether it is in a registry."""
    scan: str
    signature: str


@dataclass(frozen=True, kw_only=True)
class BuildRun:
    """What all images of one run share."""

    common: BackendImageArgs
    builder: Builder
    platforms: Sequence[str]
    """For what. Empty: the builder's own."""
    push: bool
    no_cache: bool
    cache: BuildCache
    """Where builds that are pushed have layers from that another machine built."""
    inspection: Inspection
    """What they have to pass."""

    def base(self, variant: ImageVariant) -> str:
        """Return the base image of a variant."""
        return str(backend_build(replace(self.common, variant=variant)).build_args["PYTHON_IMAGE"])

    def build(self, variant: ImageVariant) -> BuiltVariant:
        """Build one image and do all that was asked with it.

        Raises:
            Problem: when it cannot be built or pushed.
            SupplyChainError: when it was refused, or could not be signed.
        """
        args, checks = backend_build(replace(self.common, variant=variant)), self.inspection.checks
        if self.push:
            reference = self.builder.push(
                args, self.common.repository, self.platforms, no_cache=self.no_cache, cache=self.cache
            )
        else:
            reference = self.builder.load(args, self.platforms, no_cache=self.no_cache)
        subject = CheckedImage(reference=reference, pushed=self.push)
        if self.inspection.scan:
            info("scanning")
            checks.scan(subject)
        if self.inspection.sign:
            info("attaching the SBOM, signing, verifying")
            checks.sign(subject)
            checks.verify(subject)
        if self.push:
            checks.tag(subject, variant.tags(self.common.release))
        return BuiltVariant(
            variant=variant,
            reference=reference,
            pushed=self.push,
            scan=self._passed() if self.inspection.scan else self.inspection.unscanned,
            signature="verified" if self.inspection.sign else "none",
        )

    def _passed(self) -> str:
        """Say what the scan looked for: without Trivy's database that is not everything."""
        scanners = load_scan_policy(self.inspection.checks.policy).scanners
        return f"passed: {', '.join(scanner.value for scanner in scanners)}"


_MB = 1_000_000


def print_report(made: Sequence[BuiltVariant]) -> None:
    """Print variant, size, layers, scan result and signature of each image."""
    size = "size, compressed" if made[0].pushed else "size"
    table = Table("image", size, "layers", "scan", "signature", box=None, pad_edge=False)
    for one in made:
        bytes_, layers = _registry(one.reference) if one.pushed else _engine(one.reference)
        table.add_row(one.variant.name, bytes_, layers, one.scan, one.signature)
    Console(markup=False).print(table)


def digests(made: Sequence[BuiltVariant]) -> str:
    """Return a line for each pushed image as `sha256sum` writes it, for what attests where images come from."""
    pushed = [one.reference.partition("@sha256:") for one in made if one.pushed]
    return "".join(f"{digest}  {name}\n" for name, _, digest in pushed)


def _engine(identity: str) -> tuple[str, str]:
    (image,) = json.loads(docker("image", "inspect", identity).stdout)
    return _megabytes(image["Size"]), str(len(image["RootFS"]["Layers"]))


def _registry(reference: str) -> tuple[str, str]:
    """Return both for each platform: they differ."""
    top = _manifest(reference)
    repository = reference.partition("@")[0]
    listed = [entry["digest"] for entry in top.get("manifests", [])]
    manifests = [_manifest(f"{repository}@{digest}") for digest in listed] or [top]
    sizes = [sum(layer["size"] for layer in manifest["layers"]) for manifest in manifests]
    return ", ".join(map(_megabytes, sizes)), ", ".join(str(len(manifest["layers"])) for manifest in manifests)


def _manifest(reference: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(docker("buildx", "imagetools", "inspect", "--raw", reference).stdout)
    return manifest


def _megabytes(size: int) -> str:
    return f"{size / _MB:.1f} MB"
