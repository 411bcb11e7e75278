"""The local authority and its certificate: always the same, and what browsers accept."""

import base64
import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from components.core.certificates import issue

AUTHORITY = base64.b64encode(b"a" * 32).decode()
KEY = base64.b64encode(b"k" * 32).decode()
MADE = "01941f29-7c00-7000-8000-000000000000"
START = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)


def issued(
    domain: str = "slides.example.com", *, authority: str = AUTHORITY, key: str = KEY
) -> tuple[x509.Certificate, x509.Certificate, ec.EllipticCurvePrivateKey]:
    root, leaf, private = issue(authority, key, MADE, domain)
    loaded = load_pem_private_key(private.encode(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate(root.encode()), x509.load_pem_x509_certificate(leaf.encode()), loaded


def verify(
    leaf: x509.Certificate, root: x509.Certificate, name: str, when: datetime.datetime = START
) -> list[x509.Certificate]:
    try:
        subject: x509.DNSName | x509.IPAddress = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    builder = verification.PolicyBuilder().store(verification.Store([root])).time(when)
    return builder.build_server_verifier(subject).verify(leaf, [])


def test_the_same_seeds_give_the_same_certificates() -> None:
    assert issue(AUTHORITY, KEY, MADE, "slides.example.com") == issue(AUTHORITY, KEY, MADE, "slides.example.com")


@pytest.mark.parametrize("name", ["slides.example.com", "api.slides.example.com", "localhost", "127.0.0.1", "::1"])
def test_a_client_that_trusts_the_authority_accepts_the_certificate(name: str) -> None:
    root, leaf, _ = issued()

    assert verify(leaf, root, name) == [leaf, root]


@pytest.mark.parametrize("name", ["example.com", "a.b.slides.example.com", "10.0.0.1"])
def test_it_is_not_accepted_for_another_name(name: str) -> None:
    root, leaf, _ = issued()

    with pytest.raises(verification.VerificationError):
        verify(leaf, root, name)


def test_it_is_not_accepted_by_who_trusts_another_authority() -> None:
    _, leaf, _ = issued()
    other, _, _ = issued(authority=KEY)

    with pytest.raises(verification.VerificationError):
        verify(leaf, other, "slides.example.com")


def test_an_address_can_be_the_domain() -> None:
    root, leaf, _ = issued("192.168.1.20")

    assert verify(leaf, root, "192.168.1.20") == [leaf, root]


def test_it_names_the_domain_its_subdomains_and_this_machine() -> None:
    _, leaf, _ = issued()
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == [
        "localhost",
        "*.localhost",
        "slides.example.com",
        "*.slides.example.com",
    ]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    ]


def test_each_name_is_there_once() -> None:
    _, leaf, _ = issued("localhost")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["localhost", "*.localhost"]


def test_it_lives_from_the_time_in_the_identifier() -> None:
    root, leaf, _ = issued()

    assert root.not_valid_before_utc == leaf.not_valid_before_utc == START - datetime.timedelta(hours=1)
    assert leaf.not_valid_after_utc == START + datetime.timedelta(days=824)
    assert root.not_valid_after_utc == START + datetime.timedelta(days=3650)


def test_it_is_not_accepted_when_its_time_is_over() -> None:
    root, leaf, _ = issued()
    last = START + datetime.timedelta(days=824)

    assert verify(leaf, root, "localhost", last) == [leaf, root]
    with pytest.raises(verification.VerificationError):
        verify(leaf, root, "localhost", last + datetime.timedelta(seconds=1))


def test_another_domain_is_another_certificate_of_the_same_authority() -> None:
    root, leaf, _ = issued("one.example.com")
    other_root, other_leaf, _ = issued("two.example.com")

    assert root == other_root
    assert leaf.serial_number != other_leaf.serial_number


def test_another_key_leaves_the_authority_as_it_is() -> None:
    """Who trusts the authority does not have to do it again."""
    root, leaf, _ = issued()
    other_root, other_leaf, _ = issued(key=AUTHORITY)

    assert root == other_root
    assert leaf.serial_number != other_leaf.serial_number


def test_serial_numbers_are_positive_and_short_enough() -> None:
    for certificate in issued()[:2]:
        assert 0 < certificate.serial_number < 2**127


def test_the_authority_signs_certificates_and_nothing_else() -> None:
    root, _, _ = issued()
    usage = root.extensions.get_extension_for_class(x509.KeyUsage)
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)

    assert (usage.critical, usage.value.key_cert_sign, usage.value.crl_sign) == (True, True, True)
    assert usage.value.digital_signature is False
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)


def test_the_certificate_serves_tls_and_signs_nothing() -> None:
    _, leaf, _ = issued()
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (True, True, False)
    assert (constraints.critical, constraints.value.ca) == (True, False)
    assert list(extended) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_the_key_is_that_of_the_certificate_and_on_the_usual_curve() -> None:
    root, leaf, key = issued()

    assert leaf.public_key() == key.public_key()
    assert root.public_key() != key.public_key()
    assert isinstance(key.curve, ec.SECP256R1)


@pytest.mark.parametrize("seed", [b"\x00" * 32, b"\xff" * 32], ids=["all zeros", "all ones"])
def test_any_seed_makes_a_key(seed: bytes) -> None:
    root, leaf, _ = issued(key=base64.b64encode(seed).decode())

    assert verify(leaf, root, "localhost") == [leaf, root]


def test_a_long_domain_fits() -> None:
    domain = f"{'a' * 60}.{'b' * 60}.example.com"
    root, leaf, _ = issued(domain)

    assert verify(leaf, root, domain) == [leaf, root]
