"""Certificates for tests, made on the spot, as text."""

import datetime

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

_LIST = x509.UniformResourceIdentifier("http://crl.example.com/list")


def text(made: trustme.Blob) -> str:
    """Return a certificate or a key as it is in a file."""
    return made.bytes().decode()


def root() -> str:
    """Return the certificate of some authority."""
    return text(trustme.CA().cert_pem)


def own(domain: str = "localhost") -> tuple[str, str]:
    """Return a certificate that is right for `domain`, and its key."""
    made = trustme.CA().issue_cert(domain)
    return text(made.cert_chain_pems[0]), text(made.private_key_pem)


def as_of_the_world(domain: str, by: trustme.CA) -> tuple[str, str]:
    """Return a certificate as an authority of the world issues it, for three months, and its key.

    It says where revocations are listed, which testssl.sh asks for, and neither names nor purposes are critical,
    which sslyze asks for: trustme has it otherwise, so it is signed again.
    """
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    issued = by.issue_cert(domain, not_before=start, not_after=start + datetime.timedelta(days=90))
    made = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    signer = load_pem_private_key(by.private_key_pem.bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(made.subject)
        .issuer_name(made.issuer)
        .public_key(made.public_key())
        .serial_number(made.serial_number)
        .not_valid_before(made.not_valid_before_utc)
        .not_valid_after(made.not_valid_after_utc)
        .add_extension(x509.CRLDistributionPoints([x509.DistributionPoint([_LIST], None, None, None)]), critical=False)
    )
    for extension in made.extensions:
        critical = isinstance(extension.value, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension.value, critical)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode(), text(issued.private_key_pem)
