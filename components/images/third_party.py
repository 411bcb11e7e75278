"""Third-party images whose vendor's signature is asked for: verified before any container of the stack changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from ..settings import ImagesSettings, RegistrySettings, SecretsSettings, SupplyChainSettings
from ..settings.references import is_in
from ..settings.sections.images import GENERATED, KEYLESS, Vendor
from .image import mirrored, without_tag
from .supply_chain import Admission, AdmissionArgs


@dataclass(frozen=True, kw_only=True)
class VendorImagesArgs:
    """Which images, and whose signatures count."""

    images: ImagesSettings
    """Third-party images; those in `settings.vendors` have a digest."""
    settings: SupplyChainSettings
    """Vendors, and what becomes of a rollout whose image fails."""
    registry: RegistrySettings = RegistrySettings()
    """The registry whose login is known; for any other, the user's own Docker configuration has it."""
    secrets: SecretsSettings = SecretsSettings()
    """Password of that login."""


class VendorImages(pulumi.ComponentResource):
    """Every image in `supplyChain.vendors`, verified from wherever the mirror has it.

    Owns no image. Refuses, as `supplyChain.require` says, one that its vendor did not sign.
    """

    verified: Sequence[pulumi.Output[str]]
    """The images, each known once its vendor's signature was verified."""

    def __init__(self, name: str, args: VendorImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:VendorImages", name, None, opts)
        references: dict[str, str] = args.images.model_dump(by_alias=True)
        self.verified = [
            self._verified(f"{name}-{image}", args, without_tag(mirrored(references[image], args.images)), vendor)
            for image, vendor in args.settings.vendors.items()
        ]
        self.register_outputs({})

    def _verified(self, name: str, args: VendorImagesArgs, image: str, vendor: Vendor) -> pulumi.Output[str]:
        admission = AdmissionArgs(
            image=image,
            pushed=True,
            # What others built is scanned where it runs, once a day: a finding in it is no fault of a release.
            scan=False,
            settings=_of_vendor(args.settings, vendor),
            registry=args.registry if is_in(args.registry.address, image) else RegistrySettings(),
            secrets=args.secrets,
            images=args.images,
        )
        return Admission(name, admission, opts=pulumi.ResourceOptions(parent=self)).image


def _of_vendor(settings: SupplyChainSettings, vendor: Vendor) -> SupplyChainSettings:
    return SupplyChainSettings(
        require=settings.require,
        key=GENERATED if vendor.public_key else KEYLESS,
        public_key=vendor.public_key,
        identity=vendor.identity,
        issuer=vendor.issuer,
    )
