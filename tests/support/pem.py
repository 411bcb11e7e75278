"""Certificates for tests, made on the spot."""

import datetime
import ipaddress
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = datetime.timedelta(days=1)


class Issuer:
    """A certificate with its key, which can issue others."""

    def __init__(
        self,
        name: str,
        hosts: Sequence[str] = (),
        *,
        by: "Issuer | None" = None,
        start: datetime.datetime | None = None,
        days: int = 30,
        revocations: str | None = None,
    ) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begin = start or datetime.datetime.now(datetime.UTC) - _DAY
        issuer = by or self
        builder = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(issuer._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + days * _DAY)
            .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
            .add_extension(_usage(signs=not hosts), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer._key.public_key()), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        if revocations:
            place = x509.DistributionPoint([x509.UniformResourceIdentifier(revocations)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([place]), critical=False)
        self._certificate = builder.sign(issuer._key, hashes.SHA256())

    @property
    def pem(self) -> str:
        """The certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key(self) -> str:
        """The private key."""
        return self.key_in(serialization.NoEncryption())

    def key_in(self, protection: serialization.KeySerializationEncryption) -> str:
        """Return the private key, protected in some way."""
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
        return self._key.private_bytes(*form, protection).decode()


def own(domain: str = "localhost") -> tuple[str, str]:
    """Return a certificate that is right for `domain`, and its key."""
    made = Issuer(domain, [domain])
    return made.pem, made.key


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
