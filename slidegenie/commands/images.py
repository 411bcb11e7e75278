"""Commands that build and scan images by hand."""

from pathlib import Path
from typing import Annotated

import typer

from components.core.assets import asset
from components.settings import BuildCache
from components.settings.sections.images import KEYLESS

from ..images.build_run import BuildOptions
from ..images.build_run import build_images as build
from ..images.scan_run import scan_images as scan

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: the images are built from its Dockerfiles, wherever the command is called."""


def build_images(  # noqa: PLR0913 - one for each option
    *,
    registry: Annotated[
        str, typer.Option("--registry", "-r", metavar="REGISTRY", help="Registry and namespace.")
    ] = "slidegenie",
    name: Annotated[str, typer.Option("--name", "-n", metavar="NAME", help="Name of the image.")] = "backend",
    version: Annotated[
        str | None, typer.Option("--version", "-v", metavar="VERSION", help="Default: what `git describe` says.")
    ] = None,
    platforms: Annotated[
        str | None,
        typer.Option(
            *("--platforms", "-p"),
            metavar="LIST",
            help="Platforms, with commas. Default: with --push linux/amd64,linux/arm64, else this machine's.",
        ),
    ] = None,
    push: Annotated[
        bool, typer.Option("--push", help="Push by digest; the tags follow once the image passed what was asked.")
    ] = False,
    cache: Annotated[
        BuildCache | None,
        typer.Option("--cache", help="With --push: layers that another machine built. Default: the stack's."),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build every step anew.")] = False,
    scan: Annotated[
        bool | None, typer.Option("--scan/--no-scan", help="Scan with Trivy. Default: where Trivy is on PATH.")
    ] = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Attach an SBOM, sign and verify with Cosign; needs --push.")
    ] = False,
    alpine: Annotated[bool, typer.Option("--alpine", help="The three Alpine images.")] = False,
    minimal: Annotated[bool, typer.Option("--minimal", help="The minimal image.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All images.")] = False,
    stack: Annotated[
        str | None,
        typer.Option(
            "--stack", metavar="NAME", help="Take base images, mirror, builders and key from Pulumi.NAME.yaml."
        ),
    ] = None,
    builder: Annotated[
        str | None, typer.Option("--builder", metavar="BUILDER", help="Builder of docker buildx. Default: the stack's.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", envvar="COSIGN_KEY", help="Key file, KMS URI or keyless."),
    ] = None,
    digests: Annotated[
        Path | None, typer.Option("--digests", metavar="FILE", help="Write the digests of what was pushed.")
    ] = None,
) -> None:
    """Build the backend's images for this machine; with --push, for several platforms into a registry.

    Without --alpine, --minimal or --all: the three Debian images. docs/images.md lists them.
    """
    options = BuildOptions(
        registry=registry,
        name=name,
        version=version,
        platforms=platforms,
        push=push,
        cache=cache,
        no_cache=no_cache,
        scan=scan,
        sign=sign,
        alpine=alpine,
        minimal=minimal,
        everything=everything,
        stack=stack,
        builder=builder,
        key=_key(key),
        digests=digests and digests.absolute(),
    )
    build(ROOT, options)


def scan_images(
    images: Annotated[
        list[str] | None, typer.Argument(help="What to scan. Default: every image that the platform runs here.")
    ] = None,
    *,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Default: security/trivy-scan.yml.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", metavar="FOLDER", help="Folder for SBOMs and reports.")] = Path(
        "security-reports"
    ),
    remote: Annotated[bool, typer.Option("--remote", help="Take them from their registry, not the engine.")] = False,
    no_sbom: Annotated[bool, typer.Option("--no-sbom", help="Scan only.")] = False,
) -> None:
    """Scan images with Trivy and list what is in them with Syft.

    Exit code: 0 nothing from the threshold on; 1 something; 2 a scan could not be done.
    """
    file = policy or Path(asset("security", "trivy-scan.yml"))
    raise typer.Exit(scan(images or (), file, output, remote=remote, with_sbom=not no_sbom))


def _key(given: str | None) -> str | None:
    """Return a key's file from the root; what is no file stays."""
    return given if given in (None, KEYLESS) or "://" in str(given) else str(Path(str(given)).absolute())
