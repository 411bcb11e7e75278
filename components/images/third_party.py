"""Third-party images whose vendor's signature is asked for: verified before any container of the stack changes."""

from dataclasses import dataclass

import pulumi

from ..containers.foundation import Foundation
from ..settings import Images, Registry, Secrets, SupplyChain
from ..settings.sections.supply_chain import GENERATED, KEYLESS, Vendor
from ..settings.values.references import is_in
from .image import mirrored, without_tag
from .supply_chain import Admission, AdmissionArgs


@dataclass(frozen=True, kw_only=True)
class VendorImagesArgs:
    """Which images, and whose signatures count."""

    foundation: Foundation
    """What waits for them."""
    images: Images
    """Third-party images; those in `settings.vendors` have a digest."""
    settings: SupplyChain
    """Vendors, and what becomes of a rollout whose image fails."""
    registry: Registry = Registry()
    """The registry whose login is known; for any other, the user's own Docker configuration has it."""
    secrets: Secrets = Secrets()
    """Password of that login."""


class VendorImages(pulumi.ComponentResource):
    """Every image in `supplyChain.vendors`, verified from wherever the mirror has it."""

    def __init__(self, name: str, args: VendorImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:VendorImages", name, None, opts)
        references: dict[str, str] = args.images.model_dump(by_alias=True)
        for image, vendor in args.settings.vendors.items():
            reference = without_tag(mirrored(references[image], args.images))
            verified = Admission(
                f"{name}-{image}",
                AdmissionArgs(
                    image=reference,
                    pushed=True,
                    # What others built is scanned where it runs, once a day: a finding in it is no fault of a release.
                    scan=False,
                    settings=_of_vendor(args.settings, vendor),
                    registry=args.registry if is_in(args.registry.address, reference) else Registry(),
                    secrets=args.secrets,
                    images=args.images,
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
            args.foundation.hold_until(verified.image)
        self.register_outputs({})


def _of_vendor(settings: SupplyChain, vendor: Vendor) -> SupplyChain:
    return SupplyChain(
        require=settings.require,
        key=GENERATED if vendor.public_key else KEYLESS,
        public_key=vendor.public_key,
        identity=vendor.identity,
        issuer=vendor.issuer,
    )
