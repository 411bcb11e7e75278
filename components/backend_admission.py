"""The image the backend runs: given, built on the engine or pushed to a registry, and admitted whichever it is."""

from typing import TYPE_CHECKING

import pulumi

from .backend_image import BackendImage, BackendImageArgs, backend_build
from .image import PulledImage, mirrored, without_tag
from .settings.base import IMAGE_ID
from .supply_chain import Admission, AdmissionArgs, PushedImage, PushedImageArgs, RegistryImage, login
from .variants import image_variant

if TYPE_CHECKING:
    from .backend import BackendArgs


def admitted_backend(name: str, args: "BackendArgs", *, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Return what the backend's containers run, known once it has proven what `supplyChain` asks."""
    child = pulumi.ResourceOptions(parent=parent)
    if args.settings.image is not None:
        if IMAGE_ID.fullmatch(args.settings.image):
            # It is on the engine already, and its ID says exactly which it is; a rollback names it so.
            return _of_engine(name, args, pulumi.Output.from_input(args.settings.image), child)
        given = mirrored(args.settings.image, args.images)
        if "@" in given:
            return _of_registry(name, args, pulumi.Output.from_input(without_tag(given)), child)
        # A tag cannot carry a signature: what is scanned is what the engine has under it. `enforce` refuses tags.
        return _of_engine(name, args, PulledImage(name, given, opts=child).id_on_engine, child)
    build = BackendImageArgs(
        variant=image_variant(args.settings.variant, args.settings.target),
        release=args.settings.release,
        origin=args.settings.origin,
        context=args.settings.context,
        dockerfile=args.settings.dockerfile,
        images=args.images,
        engine=args.engine,
    )
    if args.registry.address is None:
        return _of_engine(name, args, BackendImage(name, build, opts=child).id_on_engine, child)
    pushed = PushedImage(
        name,
        PushedImageArgs(
            build=backend_build(build),
            repository=f"{args.registry.address}/{args.registry.namespace}/backend",
            platforms=args.registry.platforms,
            builder=args.registry.builder,
            login=login(args.registry, args.secrets),
        ),
        opts=child,
    )
    return _of_registry(name, args, pushed.reference, child, tags=build.variant.tags(build.release))


def _of_engine(
    name: str, args: "BackendArgs", image: pulumi.Output[str], child: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    admission = AdmissionArgs(
        image=image, pushed=False, settings=args.supply_chain, secrets=args.secrets, images=args.images
    )
    return Admission(name, admission, opts=child).image


def _of_registry(
    name: str,
    args: "BackendArgs",
    image: pulumi.Output[str],
    child: pulumi.ResourceOptions,
    tags: tuple[str, ...] = (),
) -> pulumi.Output[str]:
    """Pull an image only once it has proven itself; `tags` are given to what this stack made, and so signs."""
    admission = Admission(
        name,
        AdmissionArgs(
            image=image,
            pushed=True,
            sign=bool(tags),
            tags=tags,
            settings=args.supply_chain,
            registry=args.registry,
            secrets=args.secrets,
            images=args.images,
        ),
        opts=child,
    )
    return RegistryImage(name, admission.image, login(args.registry, args.secrets), opts=child).reference
