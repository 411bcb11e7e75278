"""Build the images of the backend, and push, scan and sign them on request."""

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from components.settings.sections.supply_chain import KEYLESS

from components.core.engine import DockerEngine
from components.images.backend_image import BackendImageArgs
from components.images.supply_chain import SupplyChainError
from components.images.variants import VARIANTS, ImageVariant
from components.settings import BuildCache, Settings, SettingsError, Target, Variant
from components.settings.values.references import parse

from ..closed_pipe import without_complaint
from ..console import Problem, say, warn
from ..engine.buildx import Builder
from ..engine.docker import speak_to
from ..plan import UnknownStackError
from ..plan.program import stack_configuration, stack_settings
from .build import Inspection, Job
from .git import git_origin, git_version
from .registry_check import check_base, check_registry
from .report import print_report

ROOT = Path(__file__).resolve().parents[2]
_DESCRIPTION = """\
Builds the images of the backend for this machine; with --push, for several platforms into a registry. Without --alpine,
--minimal or --all: the three Debian images. docs/images.md lists them."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        warn(f"{message}; scripts/build-images.sh --help lists the options")
        sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what was asked for; return 1 when an image is missing or was refused, 2 for a wrong option."""
    options = _parser().parse_args(arguments)
    try:
        # What a stack's settings name, they name from there; only the options are the caller's.
        with contextlib.chdir(ROOT):
            _build(options)
    except (Problem, SettingsError, UnknownStackError, SupplyChainError) as error:
        for line in str(error).splitlines():
            warn(line)
        return 1
    except KeyboardInterrupt:
        warn("interrupted; what was built is in the cache, and the same command goes on from there")
        return 130
    return 0


def _build(options: argparse.Namespace) -> None:
    settings = stack_settings(ROOT, options.stack) if options.stack else Settings()
    if options.stack:
        speak_to(DockerEngine.of(stack_configuration(ROOT, options.stack), f"Pulumi.{options.stack}.yaml"))
    version = options.version or git_version(ROOT)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", version):
        raise Problem(f"-v must be a version that can be a tag, such as 1.4.0; got {version!r}")
    if options.sign and not options.push:
        raise Problem("--sign needs --push: a signature is kept in the registry, beside the image")
    repository = f"{options.registry}/{options.name}"
    try:
        parse(f"{repository}:{version}")
    except ValueError as error:
        raise Problem(
            f"-r and -n must make the name of an image, such as ghcr.io/acme and backend; got {repository!r} ({error})"
        ) from None
    builder = Builder.find(options.builder or (settings.registry.builder if options.push else settings.engine.builder))
    platforms = _platforms(options, settings)
    cache = BuildCache(options.cache) if options.cache else settings.registry.cache
    builder.check(platforms, push=options.push, cache=cache)
    inspection = Inspection.of(settings, scan=options.scan, sign=options.sign, key=options.key)
    inspection.checks.need(*inspection.tools)
    if options.push:
        check_registry(repository)
    job = Job(
        common=BackendImageArgs(
            release=version,
            origin=git_origin(ROOT),
            repository=repository,
            images=settings.images,
            engine=settings.engine,
        ),
        builder=builder,
        platforms=platforms,
        push=options.push,
        no_cache=options.no_cache,
        cache=cache,
        inspection=inspection,
    )
    chosen = _chosen(options)
    for base in sorted({job.base(variant) for variant in chosen}):
        check_base(base, local=builder.own)
    done = []
    try:
        for number, variant in enumerate(chosen, start=1):
            say(f"[{number}/{len(chosen)}] {repository}:{variant.name}, version {version}")
            done.append(job.run(variant))
    finally:
        if done:
            print_report(done)


def _chosen(options: argparse.Namespace) -> list[ImageVariant]:
    debian = not (options.alpine or options.minimal)

    def wanted(variant: ImageVariant) -> bool:
        if variant.target is Target.MINIMAL:
            return bool(options.all or options.minimal)
        return bool(options.all or (options.alpine if variant.variant is Variant.ALPINE else debian))

    return [variant for variant in VARIANTS if wanted(variant)]


def _platforms(options: argparse.Namespace, settings: Settings) -> list[str]:
    if options.platforms:
        return [platform.strip() for platform in options.platforms.split(",")]
    return list(settings.registry.platforms) if options.push else []


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="scripts/build-images.sh",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-r", "--registry", default="slidegenie", metavar="REGISTRY", help="registry and namespace (slidegenie)")
    add("-n", "--name", default="backend", metavar="NAME", help="name of the image (backend)")
    add("-v", "--version", metavar="VERSION", help="version (what `git describe` says)")
    add(
        "-p",
        "--platforms",
        metavar="LIST",
        help="platforms, with commas (with --push linux/amd64,linux/arm64, else this machine's)",
    )
    add("--push", action="store_true", help="push by digest; the tags follow once the image passed what was asked")
    kinds = [kind.value for kind in BuildCache]
    add("--cache", choices=kinds, help="with --push: layers that another machine built (the stack's registry.cache)")
    add("--no-cache", action="store_true", help="build every step anew")
    add("--scan", action=argparse.BooleanOptionalAction, help="scan with Trivy (where Trivy is on PATH)")
    add("--sign", action="store_true", help="attach an SBOM, sign and verify with Cosign; needs --push")
    add("--alpine", action="store_true", help="the three Alpine images")
    add("--minimal", action="store_true", help="the minimal image")
    add("--all", action="store_true", help="all images")
    add("--stack", metavar="STACK", help="take base images, mirror, builders and key from Pulumi.STACK.yaml")
    add("--builder", metavar="BUILDER", help="builder of docker buildx (the stack's)")
    key = os.environ.get("COSIGN_KEY")
    add("--key", metavar="KEY", type=_key, default=key, help="key file, KMS URI or keyless (COSIGN_KEY)")
    return parser


def _key(given: str) -> str:
    """Return a key's file from the root; what is no file stays."""
    return given if given == KEYLESS or "://" in given else str(Path(given).absolute())


if __name__ == "__main__":
    sys.exit(without_complaint(main))
