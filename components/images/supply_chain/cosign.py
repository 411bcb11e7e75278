"""Sign, attach and verify with Cosign 3: by key without any public service, or keyless through Sigstore."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...settings.sections.images import KEYLESS, SupplyChainSettings
from .inspection import CheckedImage
from .tools import SupplyChainError, ToolError, Toolset, UnsignedError

_SIGNATURES = ("https://sigstore.dev/cosign/sign/v1", "cosign container image signature")
"""What Cosign 3 calls a signature of an image, and what Cosign 2 called it."""
_REFUSALS = (10, 12)
"""Cosign's exit codes for no signature, and for none that matches. Among bundles it says the latter only in words."""
# Without these two Cosign fetches the addresses and roots of the public Sigstore, though a key needs neither. A
# signature in the public log would also tell everybody the names of private images.
_NO_SERVICES = (
    '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
)
_NO_ROOTS = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Who signs, and whose signature counts."""

    key: str
    """`keyless`, a KMS URI, or the path of a key made by Cosign."""
    password: str = ""
    """Password of the key file."""
    generated: str | None = None
    """PEM of a private key that is used instead of `key`."""
    public_key: str | None = None
    """Path of the public key that counts. Default: the public half of the signing key."""
    identity: str | None = None
    """With `keyless`: who counts."""
    issuer: str | None = None
    """With `keyless`: who must have vouched for `identity`."""

    @classmethod
    def of(cls, settings: SupplyChainSettings, password: str = "") -> "Signer":
        """Return who signs, and who counts, as the settings say."""
        return cls(
            key=settings.key,
            password=password,
            public_key=settings.public_key,
            identity=settings.identity,
            issuer=settings.issuer,
        )

    def __repr__(self) -> str:
        return f"Signer({self.describe()})"

    def describe(self) -> str:
        """Return whose signature counts, for people."""
        if self.key == KEYLESS:
            return f"{self.identity} ({self.issuer})"
        if self.public_key:
            return f"the key {self.public_key}"
        return "the key in the stack's state" if self.generated else f"the key {self.key}"


def sign(bench: Toolset, subject: CheckedImage, signer: Signer) -> None:
    """Sign an image in a registry, and each platform's image of a list.

    Raises:
        SupplyChainError: when it cannot be signed.
    """
    options = _signing(bench, signer)
    bench.run("cosign", "sign", "--yes", "--recursive", *options, subject.pinned, COSIGN_PASSWORD=signer.password)


def attach(bench: Toolset, subject: CheckedImage, sbom: Path, signer: Signer) -> None:
    """Attach an SBOM to an image in a registry, as a signed statement.

    Raises:
        SupplyChainError: when it cannot be attached.
    """
    statement = ["--type", "spdxjson", "--predicate", str(sbom)]
    options = _signing(bench, signer)
    bench.run("cosign", "attest", "--yes", *statement, *options, subject.pinned, COSIGN_PASSWORD=signer.password)


def verify(bench: Toolset, subject: CheckedImage, signer: Signer) -> None:
    """Make sure that `signer` signed exactly this image.

    Raises:
        UnsignedError: when nobody did, or somebody else.
        SupplyChainError: when it cannot be found out.
    """
    image, whose = subject.pinned, signer.describe()
    options = _verifying(bench, signer)
    try:
        said = bench.run("cosign", "verify", "--output", "json", *options, image)
    except ToolError as error:
        if error.code in _REFUSALS or "no matching attestations" in error.said:
            raise UnsignedError(f"{image} is not signed by {whose}: {error}") from None
        raise SupplyChainError(f"whether {image} is signed by {whose} could not be found out: {error}") from None
    if not _signed(said, subject.digest):
        raise UnsignedError(f"{image} carries statements of {whose}, but no signature of the image")


def _signed(said: str, digest: str) -> bool:
    """Look for a signature among what was verified: Cosign counts an attached SBOM by the same key as one too."""
    try:
        entries: list[Any] = json.loads(said)
        critical = [entry["critical"] for entry in entries]
        return any(c["type"] in _SIGNATURES and c["image"]["docker-manifest-digest"] == digest for c in critical)
    except (ValueError, KeyError, TypeError):
        raise SupplyChainError("cosign's answer cannot be read; this needs Cosign 3") from None


def _signing(bench: Toolset, signer: Signer) -> list[str]:
    if signer.key == KEYLESS:
        return []
    config, roots = bench.folder / "signing-config.json", bench.folder / "trusted-root.json"
    config.write_text(_NO_SERVICES, encoding="utf-8")
    roots.write_text(_NO_ROOTS, encoding="utf-8")
    private = _copied(bench, signer.key) if signer.generated is None else _imported(bench, signer.generated, ".key")
    return ["--key", private, "--signing-config", str(config), "--trusted-root", str(roots)]


def _verifying(bench: Toolset, signer: Signer) -> list[str]:
    if signer.key == KEYLESS:
        return ["--certificate-identity", str(signer.identity), "--certificate-oidc-issuer", str(signer.issuer)]
    # No transparency log was asked when it was signed, so none is asked now: the key is what counts.
    return ["--key", _public(bench, signer), "--insecure-ignore-tlog=true"]


def _public(bench: Toolset, signer: Signer) -> str:
    if signer.public_key is not None:
        return _copied(bench, signer.public_key)
    if signer.generated is not None:
        return _imported(bench, signer.generated, ".pub")
    if "://" in signer.key:
        return signer.key
    public = bench.folder / "derived.pub"
    key = _copied(bench, signer.key)
    bench.run("cosign", "public-key", "--key", key, "--outfile", str(public), COSIGN_PASSWORD=signer.password)
    return str(public)


def _imported(bench: Toolset, pem: str, ending: str) -> str:
    """Return a generated key in Cosign's own format, the only one it signs with."""
    prefix = bench.folder / "generated"
    if not prefix.with_suffix(".pub").exists():
        plain = bench.folder / "generated.pem"
        plain.write_text(pem, encoding="utf-8")
        bench.run(
            "cosign", "import-key-pair", "--key", str(plain), "--output-key-prefix", str(prefix), COSIGN_PASSWORD=""
        )
    return str(prefix.with_suffix(ending))


def _copied(bench: Toolset, key: str) -> str:
    """Return a key file in the folder that a tool in a container sees as well; a KMS URI stays as it is."""
    if "://" in key:
        return key
    try:
        return str(shutil.copy(key, bench.folder / f"given-{Path(key).name}"))
    except OSError as error:
        raise SupplyChainError(f"the key {key} cannot be read ({error.strerror}); see supplyChain.key") from None
