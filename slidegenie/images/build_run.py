"""Build the images of the backend, and push, scan and sign them on request."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from components.core.engine import DockerEngine
from components.core.git import git_version
from components.images.backend_image import BackendImageArgs
from components.images.variants import VARIANTS, ImageVariant
from components.settings import BuildCache, Settings, Target, Variant
from components.settings.references import parse

from ..console import Problem, info
from ..engine.docker import speak_to
from ..plan import StackProgram
from .build import BuildRun, Inspection, digests, print_report
from .buildx import Builder, check_base, check_registry
from .git import git_origin


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """What a person asked for: the options of `slidegenie build-images`, whose help says what each means."""

    registry: str = "slidegenie"
    name: str = "backend"
    version: str | None = None
    platforms: str | None = None
    push: bool = False
    cache: BuildCache | None = None
    no_cache: bool = False
    scan: bool | None = None
    sign: bool = False
    alpine: bool = False
    minimal: bool = False
    everything: bool = False
    stack: str | None = None
    builder: str | None = None
    key: str | None = None
    digests: Path | None = None

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
    _refuse_what_needs_a_registry(options)
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
        if options.digests:
            options.digests.write_text(digests(done), encoding="utf-8")
    finally:
        if done:
            print_report(done)


def _refuse_what_needs_a_registry(options: BuildOptions) -> None:
    if options.digests and not options.push:
        raise Problem("--digests needs --push: an image has its digest in a registry")
    if options.sign and not options.push:
        raise Problem("--sign needs --push: a signature is kept in the registry, beside the image")


def _platforms(options: BuildOptions, settings: Settings) -> list[str]:
    if options.platforms:
        return [platform.strip() for platform in options.platforms.split(",")]
    return list(settings.registry.platforms) if options.push else []
