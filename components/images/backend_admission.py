"""The image the backend runs: given, built on the engine or pushed to a registry, and admitted whichever it is."""

import pulumi

from ..settings.references import IMAGE_ID, is_in
from .backend_image import BackendImage, BackendImageArgs, pushed_backend
from .image import PulledImage, PulledImageArgs, mirrored, without_tag
from .supply_chain import Admission, AdmissionArgs, RegistryImage, RegistryImageArgs, login


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
    name: str, args: BackendImageArgs, image: pulumi.Input[str], child: pulumi.ResourceOptions, *, pushed: bool
) -> pulumi.Output[str]:
    admission = AdmissionArgs(
        image=image,
        pushed=pushed,
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
