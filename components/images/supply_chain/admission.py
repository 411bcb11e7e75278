"""The way of an image into the rollout, as resources: scanned, signed, verified, tagged, and only then handed out.

Each step is a marker resource: it is made anew when the image, or what the step goes by, has changed, and its
`before_create` hook does the work. A hook that fails leaves no marker behind, so the next `up` tries again; a preview
and the plan recorder run none. docs/decisions says why it is neither `apply` nor a hook of the container.
"""

import asyncio
import datetime
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pulumi
import pulumi_random as random
from cryptography.hazmat.primitives import serialization

from ...core.assets import asset
from ...core.certificates import elliptic_key, private_seed
from ...core.engine import DockerEngine
from ...core.program import engine_of
from ...settings import (
    ImagesSettings,
    RegistrySettings,
    Require,
    SecretsSettings,
    SettingsError,
    SupplyChainSettings,
    reveal,
)
from ...settings.references import is_in
from ...settings.sections.images import GENERATED, KEYLESS, Vendor
from ..image import mirrored, without_tag
from .checks import Checks
from .cosign import Signer
from .inspection import CheckedImage
from .scan_policy import load_scan_policy
from .tools import RegistryLogin, SupplyChainError


class GeneratedKey(pulumi.ComponentResource):
    """An ECDSA P-256 key pair, the kind Cosign makes. Protected: without it, signed images could not be verified."""

    private: pulumi.Output[str]
    """PEM private key, secret."""
    public: pulumi.Output[str]
    """PEM public key, for everybody who runs the images."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:GeneratedKey", name, None, opts)
        seed = private_seed(name, opts=pulumi.ResourceOptions(parent=self, protect=True))
        pair = seed.apply(key_pair)
        self.private = pulumi.Output.secret(pair.apply(lambda keys: keys[0]))
        self.public = pulumi.Output.unsecret(pair.apply(lambda keys: keys[1]))
        self.register_outputs({"public": self.public})


def key_pair(seed: str) -> tuple[str, str]:
    """Return private and public key in PEM, always the same for the same 32 random bytes in base64."""
    key = elliptic_key(seed)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


_Step = Callable[[Checks, CheckedImage], None]


@dataclass(frozen=True, kw_only=True)
class AdmissionArgs:
    """Which image wants in, and what is asked of it."""

    image: pulumi.Input[str]
    """`name@sha256:...` of an image in a registry; else what the engine calls it."""
    pushed: bool
    """Whether it is in a registry. Only such an image can carry a signature."""
    scan: bool = True
    """Whether it is scanned."""
    sign: bool = False
    """Whether this stack made the image, and so signs it and attaches its SBOM."""
    tags: Sequence[str] = ()
    """Names the image is given in the registry once it has proven itself."""
    settings: SupplyChainSettings = SupplyChainSettings()
    """What is asked."""
    registry: RegistrySettings = RegistrySettings()
    """Where the image is."""
    secrets: SecretsSettings = SecretsSettings()
    """Password of the registry and of the key."""
    images: ImagesSettings = ImagesSettings()
    """The mirror that images of tools come from too."""


class Admission(pulumi.ComponentResource):
    """An image that may run: scanned, signed where it is one's own, its signature verified, and then given its names.

    Owns no image. With `require: enforce` it refuses one with a finding from the threshold on, or without a signature
    that counts, before any container is replaced; with `warn` it says so.
    """

    image: pulumi.Output[str]
    """The image, known once every step it has to pass succeeded. Run this, never the one that went in."""

    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Admission", name, None, opts)
        self._name, self._args = name, args
        settings = args.settings
        self._policy = Path(settings.scan_policy or asset("security", "trivy-scan.yml"))
        self._generated: str | None = None
        self._last: list[pulumi.Resource] = []
        passed: list[pulumi.Output[str]] = []
        if settings.require is not Require.OFF and args.scan:
            passed.append(self._step("scan", Checks.scan, _going_by(self._policy)))
        if settings.require is not Require.OFF and args.pushed:
            whose = self._whose()
            if args.sign:
                passed.append(self._step("sign", Checks.sign, {"signer": whose}))
            passed.append(self._step("verify", Checks.verify, {"signer": whose}))
        if args.pushed and args.tags:
            tags = tuple(args.tags)
            passed.append(
                self._step("tag", lambda checks, subject: checks.tag(subject, tags), {"tags": " ".join(tags)})
            )
        self.image = pulumi.Output.all(args.image, *passed).apply(lambda values: str(values[0]))
        self.register_outputs({"image": self.image})

    def _step(self, role: str, step: _Step, goes_by: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
        marker = random.RandomId(
            f"{self._name}-{role}",
            byte_length=8,
            keepers={"image": self._args.image, "require": self._args.settings.require.value, **goes_by},
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(self._last),
                delete_before_replace=False,
                hooks=pulumi.ResourceHookBinding(before_create=[self._hook(role, step)]),
            ),
        )
        self._last = [marker]
        return marker.hex

    def _hook(self, role: str, step: _Step) -> pulumi.ResourceHook:
        engine = engine_of(self)
        # The tag is the image's name for others: one that could not be given is a failure wherever tags were asked for.
        lenient = self._args.settings.require is Require.WARN and role != "tag"

        async def run(args: pulumi.ResourceHookArgs) -> None:
            image = str((args.new_inputs or {})["keepers"]["image"])
            subject = CheckedImage(reference=image, pushed=self._args.pushed)
            try:
                # In a thread: Pulumi's own loop goes on meanwhile.
                await asyncio.to_thread(step, self._checks(await engine.future()), subject)
            except (SupplyChainError, SettingsError) as error:
                if not lenient:
                    raise SupplyChainError(f"{role}: {error}\nNo container was replaced.") from None
                pulumi.log.warn(f"{role}: {error}\nsupplyChain.require is warn: the rollout goes on.", self)

        return pulumi.ResourceHook(f"slidegenie-{self._name}-{role}", run)

    def _checks(self, engine: DockerEngine | None) -> Checks:
        settings, secrets = self._args.settings, self._args.secrets
        signer = Signer.of(settings, reveal(secrets.signing_password) or "")
        return Checks(
            require=settings.require,
            policy=self._policy,
            signer=replace(signer, generated=self._generated),
            login=login(self._args.registry, secrets),
            engine=engine,
            images=self._args.images,
        )

    def _whose(self) -> pulumi.Input[str]:
        """Return what tells one signer from another; a generated key is kept at hand for the hooks that come later."""
        settings = self._args.settings
        if settings.key != GENERATED or settings.public_key:
            files = [key for key in (settings.key, settings.public_key) if key and key.startswith("/")]
            parts = [settings.key, settings.identity or "", settings.issuer or "", *map(_fingerprint, map(Path, files))]
            return " ".join(filter(None, parts))
        key = GeneratedKey(f"{self._name}-key", opts=pulumi.ResourceOptions(parent=self))

        def remember(values: Sequence[str]) -> str:
            self._generated = values[0]
            return values[1]

        return pulumi.Output.unsecret(pulumi.Output.all(key.private, key.public).apply(remember))


def login(registry: RegistrySettings, secrets: SecretsSettings) -> RegistryLogin | None:
    """Return the login of the configured registry, or `None` to go by the user's own Docker configuration."""
    password = reveal(secrets.registry_password)
    if registry.address is None or password is None:
        return None
    return RegistryLogin(address=registry.address, username=registry.username, password=password)


def _fingerprint(file: Path) -> str:
    """Return a hash of a file; of a missing one its name, so that the step that needs it can say so."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    except OSError:
        return f"missing {file}"


def _going_by(policy: Path) -> dict[str, str]:
    """Return what a scan goes by: the policy, and which of its acceptances have ended though nobody changed it."""
    goes_by = {"policy": _fingerprint(policy)}
    try:
        expired = load_scan_policy(policy).expired(datetime.datetime.now(datetime.UTC).date())
    except SettingsError:
        # The scan itself says what is wrong with it.
        return goes_by
    return goes_by | ({"expired": " ".join(sorted({entry.id for entry in expired}))} if expired else {})


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
