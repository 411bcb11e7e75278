"""Images of the backend: one variant, or any set of them from one release, and the one that its containers run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pulumi

from ..core.assets import asset
from ..settings import (
    EngineSettings,
    ImagesSettings,
    OriginSettings,
    RegistrySettings,
    SecretsSettings,
    SupplyChainSettings,
    Variant,
)
from ..settings.references import IMAGE_ID, is_in
from .dockerfile import stage_to_build
from .image import BuiltImage, BuiltImageArgs, PulledImage, PulledImageArgs, mirrored, without_tag
from .supply_chain import (
    Admission,
    AdmissionArgs,
    PushedImage,
    PushedImageArgs,
    RegistryImage,
    RegistryImageArgs,
    login,
)
from .variants import VARIANTS, ImageVariant


@dataclass(frozen=True, kw_only=True)
class BackendImageArgs:
    """What is built. Everything but the variant is the same for all images of one release."""

    image: str | None = None
    """A ready image, `name@sha256:...` or its ID on the engine. Default: it is built."""
    variant: ImageVariant = VARIANTS[0]
    """Row of the table of variants. Default: Debian, production."""
    release: str = "0.0.0-dev"
    """Version; second tag and label of the image."""
    origin: OriginSettings = OriginSettings()
    """Source, commit and date for the labels."""
    repository: str = "slidegenie/backend"
    """Name in front of the tag, with registry and namespace where it has them."""
    context: str | None = None
    """Folder of your own application. Default: the reference backend."""
    dockerfile: str | None = None
    """Dockerfile, relative to the context. Default: the variant's for the reference backend, else `Dockerfile`."""
    stage: str | None = None
    """Stage of your own Dockerfile. Default: the variant's where it has that, else its last."""
    images: ImagesSettings = ImagesSettings()
    """Base images and their mirror."""
    engine: EngineSettings = EngineSettings()
    """Builder, and what builds trust."""
    registry: RegistrySettings = RegistrySettings()
    """Where it is pushed to, under the last part of `repository`. Default: it stays on the engine."""
    supply_chain: SupplyChainSettings = SupplyChainSettings()
    """What a pushed image must prove before it gets its names. With a generated key each image has one of its own."""
    secrets: SecretsSettings = SecretsSettings()
    """Passwords of the registry and of the signing key."""


class BackendImage(pulumi.ComponentResource):
    """One variant of the backend's image: on the engine that runs it, or in a registry.

    Owns the build. Refuses a Dockerfile without the stage that is asked for.
    """

    reference: pulumi.Output[str]
    """The image's ID on the engine; of a pushed one `name@sha256:...`, known once it has proven what was asked."""
    tags: Sequence[str]
    """Its names, each with tag; the first moves with every release, the second stays."""

    def __init__(self, name: str, args: BackendImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:BackendImage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        if args.registry.address is None:
            build = backend_build(args)
            self.reference = BuiltImage(name, build, opts=child).id_on_engine
            self.tags = (build.tag, *build.further_tags)
        else:
            self.reference = pushed_backend(name, args, opts=child)
            self.tags = tuple(f"{_repository(args)}:{tag}" for tag in args.variant.tags(args.release))
        self.register_outputs({"reference": self.reference, "tags": list(self.tags)})


@dataclass(frozen=True, kw_only=True)
class ImageMatrixArgs:
    """Which variants, and what they share."""

    common: BackendImageArgs = BackendImageArgs()
    """What all of them share; its own `variant` is not looked at."""
    variants: Sequence[ImageVariant] = VARIANTS
    """Rows of the table of variants. Default: all seven."""


class ImageMatrix(pulumi.ComponentResource):
    """Several variants of one release, each a `BackendImage`; refuses what that refuses."""

    images: Mapping[str, BackendImage]
    """The images by the name of their variant: `latest`, `dev`, `alpine-test`, ..."""

    def __init__(self, name: str, args: ImageMatrixArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:ImageMatrix", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.images = {
            variant.name: BackendImage(f"{name}-{variant.name}", replace(args.common, variant=variant), opts=child)
            for variant in args.variants
        }
        self.register_outputs({"tags": {variant: list(image.tags) for variant, image in self.images.items()}})


def pushed_backend(name: str, args: BackendImageArgs, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Build and push an image, and return `name@sha256:...` once it has proven what is asked and got its names."""
    pushed = PushedImage(
        name,
        PushedImageArgs(
            build=backend_build(args),
            repository=_repository(args),
            platforms=args.registry.platforms,
            builder=args.registry.builder,
            cache=args.registry.cache,
            login=login(args.registry, args.secrets),
        ),
        opts=opts,
    )
    return _admitted(name, args, pushed.reference, opts, pushed=True, sign=True, tags=args.variant.tags(args.release))


def _repository(args: BackendImageArgs) -> str:
    return f"{args.registry.address}/{args.registry.namespace}/{args.repository.rpartition('/')[2]}"


def backend_build(args: BackendImageArgs) -> BuiltImageArgs:
    """Return how the image of one variant is built, whoever builds it and wherever it goes."""
    variant, context = args.variant, args.context or asset("docker", "backend")
    dockerfile = str(Path(context, args.dockerfile or ("Dockerfile" if args.context else variant.dockerfile)))
    target: str | None = variant.target.value
    if args.context:
        target = stage_to_build(dockerfile, asked=args.stage, preferred=variant.target.value)
    base = {Variant.DEBIAN: args.images.python_debian, Variant.ALPINE: args.images.python_alpine}[variant.variant]
    first, *further = (f"{args.repository}:{tag}" for tag in variant.tags(args.release))
    return BuiltImageArgs(
        tag=first,
        further_tags=further,
        context=context,
        dockerfile=dockerfile,
        target=target,
        build_args={
            "PYTHON_IMAGE": mirrored(base, args.images),
            "VERSION": args.release,
            **args.origin.build_args(),
        },
        builder=args.engine.builder,
        ca_bundle=args.engine.ca_bundle,
    )


def admitted_backend(name: str, args: BackendImageArgs, *, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Return what the backend's containers run, known once it has proven what `supplyChain` asks."""
    child = pulumi.ResourceOptions(parent=parent)
    if args.image is not None:
        return _given(name, args, args.image, child)
    if args.registry.address is None:
        return _admitted(name, args, BackendImage(name, args, opts=child).reference, child, pushed=False)
    return _pulled(name, args, pushed_backend(name, args, opts=child), child)


def _given(name: str, args: BackendImageArgs, image: str, child: pulumi.ResourceOptions) -> pulumi.Output[str]:
    if IMAGE_ID.fullmatch(image):
        # It is on the engine already, and its ID says exactly which it is; a rollback names it so. A scan is all that
        # can be asked of it: what only an engine has carries no signature.
        return _admitted(name, args, image, child, pushed=False)
    # What the stack pushed itself is in its own registry, and a rollback names it there.
    place = image if is_in(args.registry.address, image) else mirrored(image, args.images)
    if "@" in place:
        return _pulled(name, args, _admitted(name, args, without_tag(place), child, pushed=True), child)
    # A tag cannot carry a signature: what is scanned is what the engine has under it. `enforce` refuses tags.
    return _admitted(
        name, args, PulledImage(name, PulledImageArgs(reference=place), opts=child).id_on_engine, child, pushed=False
    )


def _admitted(
    name: str, args: BackendImageArgs, image: pulumi.Input[str], child: pulumi.ResourceOptions, **rest: Any
) -> pulumi.Output[str]:
    admission = AdmissionArgs(
        **rest,
        image=image,
        settings=args.supply_chain,
        registry=args.registry,
        secrets=args.secrets,
        images=args.images,
    )
    return Admission(name, admission, opts=child).image


def _pulled(
    name: str, args: BackendImageArgs, image: pulumi.Output[str], child: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """Pull an image with the registry's login, only once it has proven itself."""
    pulled = RegistryImageArgs(image=image, login=login(args.registry, args.secrets))
    return RegistryImage(name, pulled, opts=child).reference
