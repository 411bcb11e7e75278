"""The settings of the supply chain: what an image must prove before it runs."""

import enum
from typing import Annotated

from pydantic import Field, model_validator

from ..base import Section
from ..values.addresses import HttpsUrl
from ..values.paths import HostPath
from ..values.texts import Line

GENERATED = "generated"
KEYLESS = "keyless"


class Require(enum.Enum):
    """What becomes of a rollout whose image fails a check."""

    OFF = "off"
    """Nothing is checked, signed or attached."""
    WARN = "warn"
    """What fails is said, and the rollout goes on. No tool is fetched for it."""
    ENFORCE = "enforce"
    """What fails stops the rollout before any container is replaced, a missing tool too."""


class Vendor(Section):
    """Whose signature a third-party image must carry: a key's, or that of an identity."""

    public_key: HostPath | None = None
    """Path of the public key. Default: `identity` and `issuer` say who."""
    identity: Line | None = None
    """Who must have signed, as in the certificate, such as the URL of the workflow that releases the image."""
    issuer: HttpsUrl | None = None
    """The OpenID Connect issuer that must have vouched for `identity`."""

    @model_validator(mode="after")
    def _one_way(self) -> "Vendor":
        given = tuple(value is not None for value in (self.public_key, self.identity, self.issuer))
        if given not in {(True, False, False), (False, True, True)}:
            raise ValueError("needs either publicKey, or identity and issuer; give one of the two")
        return self


class SupplyChainSettings(Section):
    """Scan, SBOM, signature and verification of the image that runs."""

    require: Require = Require.WARN
    """What becomes of a rollout whose image fails a check."""
    scan_policy: Line | None = None
    """File that says which findings stop a rollout. Default: `security/trivy-scan.yml`."""
    key: Annotated[
        str,
        Field(
            pattern=rf"^({GENERATED}|{KEYLESS}|/[!-~]+|(awskms|azurekms|gcpkms|hashivault|k8s)://[!-~]+)$",
            examples=["generated, keyless, /etc/slidegenie/cosign.key or awskms:///alias/slidegenie"],
        ),
    ] = GENERATED
    """What signs a pushed image: `generated` (a key pair made once, encrypted in the stack's state), the path of a
    private key made by `cosign generate-key-pair` (its password is `secrets.signingPassword`), a KMS URI, or
    `keyless`."""
    public_key: HostPath | None = None
    """Path of the public key that signatures are verified with, for a stack that runs images somebody else signed.
    Default: the public half of `key`."""
    identity: Line | None = None
    """With `key: keyless`: who must have signed, as in the certificate, such as the URL of a CI workflow or an e-mail
    address."""
    issuer: HttpsUrl | None = None
    """With `key: keyless`: the OpenID Connect issuer that must have vouched for `identity`."""
    vendors: dict[str, Vendor] = Field(default={})
    """Third-party images that are verified too, by their key in `images`, which must then have a digest. Default: their
    digest, where there is one, is all that is asked."""

    @model_validator(mode="after")
    def _keyless_names_who(self) -> "SupplyChainSettings":
        named = [name for name in ("identity", "issuer") if getattr(self, name) is not None]
        if self.key == KEYLESS and len(named) < 2:  # noqa: PLR2004 - both
            raise ValueError("key 'keyless' needs identity and issuer: anybody can get a certificate; say whose counts")
        if self.key != KEYLESS and named:
            raise ValueError(f"{' and '.join(named)} only counts with key: keyless; got {self.key!r}, remove it")
        if self.key == KEYLESS and self.public_key:
            raise ValueError("publicKey and key 'keyless' exclude each other; remove one of them")
        return self
