"""Build the images of the backend, and push, scan and sign them on request."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from components.core.engine import DockerEngine
from components.images.backend_image import BackendImageArgs
from components.images.variants import VARIANTS, ImageVariant
from components.settings import BuildCache, Settings, Target, Variant
from components.settings.references import parse

from ..console import Problem, info
from ..engine.buildx import Builder
from ..engine.docker import speak_to
from ..plan import StackProgram
from .build import BuildRun, Inspection
from .git import git_origin, git_version
from .registry_check import check_base, check_registry
from .report import print_report


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """What a person asked for."""

    registry: str = "slidegenie"
    """Registry and namespace."""
    name: str = "backend"
    """Name of the image."""
    version: str | None = None
    """Version. Default: what `git describe` says."""
    platforms: str | None = None
    """Platforms, with commas. Default: the stack's where it is pushed, else this machine's."""
    push: bool = False
    """Whether it goes to the registry."""
    cache: BuildCache | None = None
    """Layers that another machine built. Default: the stack's `registry.cache`."""
    no_cache: bool = False
    """Whether every step is built anew."""
    scan: bool | None = None
    """Whether it is scanned. Default: where Trivy is."""
    sign: bool = False
    """Whether it is signed."""
    alpine: bool = False
    """The three Alpine images."""
    minimal: bool = False
    """The minimal image."""
    everything: bool = False
    """All images."""
    stack: str | None = None
    """Stack whose base images, mirror, builders and key count."""
    builder: str | None = None
    """Builder of docker buildx. Default: the stack's."""
    key: str | None = None
    """Key file, KMS URI or `keyless`."""

    def variants(self) -> list[ImageVariant]:
        """Return the images that are asked for, in the order of the table; without a wish the three of Debian."""
        debian = not (self.alpine or self.minimal)

        def wanted(variant: ImageVariant) -> bool:
            if variant.target is Target.MINIMAL:
                return self.everything or self.minimal
            return self.everything or (self.alpine if variant.variant is Variant.ALPINE else debian)

        return [variant for variant in VARIANTS if wanted(variant)]


def build_images(root: Path, options: BuildOptions) -> None:
    """Build what is asked for, from the checkout in `root`.

    Raises:
        Problem: when an image cannot be built or pushed, or the options contradict each other.
        SupplyChainError: when one was refused, or could not be signed.
    """
    # What a stack's settings name, they name from there; only the options are the caller's.
    with contextlib.chdir(root):
        _build(root, options)


def _build(root: Path, options: BuildOptions) -> None:
    settings = Settings()
    if options.stack:
        program = StackProgram.read(root, options.stack)
        settings = program.settings
        speak_to(DockerEngine.of(program.configuration, program.file))
    version = options.version or git_version(root)
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
    own = settings.registry.builder if options.push else settings.engine.builder
    builder = Builder.find(options.builder or own)
    platforms = _platforms(options, settings)
    cache = options.cache or settings.registry.cache
    builder.check(platforms, push=options.push, cache=cache)
    inspection = Inspection.of(settings, scan=options.scan, sign=options.sign, key=options.key)
    inspection.checks.need(*inspection.tools)
    if options.push:
        check_registry(repository)
    run = BuildRun(
        common=BackendImageArgs(
            release=version,
            origin=git_origin(root),
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
    variants = options.variants()
    for base in sorted({run.base(variant) for variant in variants}):
        check_base(base, local=builder.own)
    done = []
    try:
        for number, variant in enumerate(variants, start=1):
            info(f"[{number}/{len(variants)}] {repository}:{variant.name}, version {version}")
            done.append(run.build(variant))
    finally:
        if done:
            print_report(done)


def _platforms(options: BuildOptions, settings: Settings) -> list[str]:
    if options.platforms:
        return [platform.strip() for platform in options.platforms.split(",")]
    return list(settings.registry.platforms) if options.push else []
