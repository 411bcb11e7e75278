"""A local certificate authority and a certificate signed by it, for machines no public authority can reach.

Both are pure functions of random bytes kept in the state: nothing is written to this machine, every `up` finds the
same certificate again, and whoever has the state has the authority.
"""

import base64
import datetime
import hashlib
import ipaddress
import uuid

import pulumi
import pulumi_random as random
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_AUTHORITY_DAYS = 3650
_CERTIFICATE_DAYS = 824
"""With the hour before its start, within the 825 days that Apple's platforms accept."""


class LocalCertificate(pulumi.ComponentResource):
    """A certificate for `domain`, its subdomains and this machine, from an authority of the stack's own."""

    authority: pulumi.Output[str]
    """PEM certificate of the authority, for those who want to trust it."""
    chain: pulumi.Output[str]
    """PEM certificate."""
    key: pulumi.Output[str]
    """PEM private key, secret."""

    def __init__(self, name: str, domain: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:LocalCertificate", name, None, opts)
        # Kept through a `make down`: who trusts the authority should not have to do it again.
        kept = pulumi.ResourceOptions(parent=self, protect=True)
        authority_seed = private_seed(f"{name}-authority", opts=kept)
        key_seed = private_seed(f"{name}-key", opts=kept)
        # The first 48 bits are the time it was made: a date that stays the same.
        made = random.RandomUuid7(f"{name}-made", opts=kept)
        issued = pulumi.Output.all(authority_seed, key_seed, made.result).apply(
            lambda seeds: issue(seeds[0], seeds[1], seeds[2], domain)
        )
        # The seeds are secret and so is all that comes from them; certificates are for everybody to see.
        self.authority = pulumi.Output.unsecret(issued.apply(lambda parts: parts[0]))
        self.chain = pulumi.Output.unsecret(issued.apply(lambda parts: parts[1]))
        self.key = pulumi.Output.secret(issued.apply(lambda parts: parts[2]))
        self.register_outputs({"authority": self.authority})


def issue(authority_seed: str, key_seed: str, made: str, domain: str) -> tuple[str, str, str]:
    """Return authority certificate, certificate and key in PEM, always the same for the same input.

    `authority_seed` and `key_seed` are 32 random bytes in base64; `made` is a version 7 UUID, whose time is the start
    of both certificates' life.
    """
    start = datetime.datetime.fromtimestamp((uuid.UUID(made).int >> 80) / 1000, datetime.UTC).replace(microsecond=0)
    authority_key, key = elliptic_key(authority_seed), elliptic_key(key_seed)
    issuer = _name("SlideGenie local authority")
    authority = (
        _builder(issuer, issuer, authority_key, start=start, days=_AUTHORITY_DAYS, serial=authority_seed.encode())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    certificate = (
        _builder(
            _name(domain), issuer, key, start=start, days=_CERTIFICATE_DAYS, serial=domain.encode() + key_seed.encode()
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names(domain)), critical=False)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = serialization.Encoding.PEM
    return authority.public_bytes(pem).decode(), certificate.public_bytes(pem).decode(), private.decode()


def private_seed(name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Return 32 random bytes in base64, made once and secret.

    Not `random.RandomBytes`: its ID, which every state shows in the clear, is its value.
    """
    text = random.RandomPassword(name, length=64, special=False, opts=opts).result
    return text.apply(lambda value: base64.b64encode(hashlib.sha256(value.encode()).digest()).decode())


def elliptic_key(seed: str) -> ec.EllipticCurvePrivateKey:
    """Return a P-256 key, always the same for the same 32 random bytes in base64."""
    scalar = int.from_bytes(base64.b64decode(seed), "big") % (_CURVE_ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _names(domain: str) -> list[x509.GeneralName]:
    hosts = ["localhost", "127.0.0.1", "::1", domain]
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.extend([x509.DNSName(host), x509.DNSName(f"*.{host}")])
    return names


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    start: datetime.datetime,
    days: int,
    serial: bytes,
) -> x509.CertificateBuilder:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(serial)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(digest.finalize()[:16], "big") >> 1)
        .not_valid_before(start - datetime.timedelta(hours=1))
        .not_valid_after(start + datetime.timedelta(days=days))
    )
