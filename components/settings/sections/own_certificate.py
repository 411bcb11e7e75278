"""Check a certificate that is given: better one line now than an edge that no browser trusts."""

import datetime
import ipaddress
import itertools
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ..texts import ENCRYPTED

_CHAIN = "proxy.certificate"
_KEY = "secrets.tlsKey"


def problems(chain: str, key: str | None, domain: str) -> Iterator[str]:
    """Yield a line for everything that is wrong with `chain` and `key`, both in PEM, for `domain`.

    What is encrypted in a stack file that is only planned cannot be looked into and passes. Whether they expired is
    not asked here: then, too, a backup must be restored.
    """
    if chain == ENCRYPTED:
        return
    try:
        certificates = x509.load_pem_x509_certificates(chain.encode())
    except ValueError:
        yield f"{_CHAIN}: is no certificate in PEM; give the file's content, from -----BEGIN CERTIFICATE-----"
        return
    own = certificates[0]
    yield from _names(own, domain)
    yield from _order(certificates)
    if key is not None and key != ENCRYPTED:
        yield from _pair(own, key)


def out_of_date(chain: str, now: datetime.datetime) -> str | None:
    """Say why nobody would accept the server's certificate in `chain` at `now`; `None` when that is not the reason."""
    if chain == ENCRYPTED:
        return None
    own = x509.load_pem_x509_certificates(chain.encode())[0]
    start, end = own.not_valid_before_utc, own.not_valid_after_utc
    if now >= end:
        return f"{_CHAIN}: has expired on {end:%Y-%m-%d %H:%M} UTC; give a renewed one"
    if now < start:
        return f"{_CHAIN}: is not valid before {start:%Y-%m-%d %H:%M} UTC; check the clock, or give the present one"
    return None


def _names(own: x509.Certificate, domain: str) -> Iterator[str]:
    try:
        names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        yield f"{_CHAIN}: names no host in subjectAltName, which all clients go by; have it issued for {domain}"
        return
    hosts = names.get_values_for_type(x509.DNSName)
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    if not _covers(hosts, addresses, domain):
        yield (
            f"{_CHAIN}: is for {', '.join([*hosts, *addresses]) or 'no host'}, not for proxy.domain {domain};"
            " give the right one or set proxy.domain"
        )


def _covers(hosts: list[str], addresses: list[str], domain: str) -> bool:
    try:
        return str(ipaddress.ip_address(domain)) in addresses
    except ValueError:
        # A star stands for one label, and only for the first.
        wanted = domain.lower()
        return any(host.lower() in (wanted, f"*.{wanted.partition('.')[2]}") for host in hosts)


def _order(certificates: list[x509.Certificate]) -> Iterator[str]:
    for issued, issuer in itertools.pairwise(certificates):
        try:
            issued.verify_directly_issued_by(issuer)
        except Exception:  # noqa: BLE001 - each kind of key has failures of its own
            yield (
                f"{_CHAIN}: {issued.subject.rfc4514_string() or 'a certificate'} is not issued by the one after it,"
                f" {issuer.subject.rfc4514_string()}; put the server's own first, then each by whom it was issued"
            )
            return


def _pair(own: x509.Certificate, key: str) -> Iterator[str]:
    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except TypeError:
        yield f"{_KEY}: is protected by a password; remove it with `openssl pkey -in key.pem -out plain.pem`"
        return
    except Exception:  # noqa: BLE001 - whatever it is, it is no key that can be used
        yield f"{_KEY}: is no private key in PEM; give the file's content, from -----BEGIN PRIVATE KEY-----"
        return
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != own.public_key().public_bytes(*form):
        yield f"{_KEY}: does not belong to proxy.certificate; give the key that it was requested with"
