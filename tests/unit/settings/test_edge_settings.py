"""What an operator can say about the edge, and the one line for each mistake."""

import datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from components import SettingsError, parse_settings
from components.settings.sections.own_certificate import out_of_date, problems
from slidegenie.console import Problem
from slidegenie.engine.preflight import check_certificate
from slidegenie.plan import StackProgram

from ...support.pem import own, text
from ..planned import CONTAINER, application, as_it_comes, files_in, plain, uploads

DOMAIN = "slides.example.com"
_ROOT = trustme.CA(organization_name="Example", organization_unit_name="root")
_MIDDLE = _ROOT.create_child_ca()
_OWN = _MIDDLE.issue_cert(DOMAIN, common_name=DOMAIN, organization_name="Example", organization_unit_name="web")
OWN, MIDDLE = map(text, _OWN.cert_chain_pems)
ROOT = text(_ROOT.cert_pem)
KEY, OTHER_KEY = text(_OWN.private_key_pem), text(_MIDDLE.private_key_pem)


def wrong(values: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(values, "x")
    return caught.value.problems


def found(chain: str, key: str | None = KEY, domain: str = DOMAIN) -> list[str]:
    return list(problems(chain, key, domain))


@pytest.mark.parametrize("chain", [OWN, OWN + MIDDLE, OWN + MIDDLE + ROOT])
def test_a_right_certificate_passes(chain: str) -> None:
    assert found(chain) == []


def test_a_star_stands_for_one_label() -> None:
    star, key = own("*.example.com")

    assert found(star, key) == []
    assert found(star, key, "Slides.Example.com") == []
    assert found(star, key, "example.com") == [
        (
            "proxy.certificate: is for *.example.com, not for proxy.domain example.com; give the right one or set"
            " proxy.domain"
        )
    ]
    assert len(found(star, key, "a.slides.example.com")) == 1


def dated(start: datetime.datetime) -> tuple[str, str]:
    """Return a certificate for 31 days, and its key."""
    made = _ROOT.issue_cert(DOMAIN, not_before=start, not_after=start + datetime.timedelta(days=31))
    return text(made.cert_chain_pems[0]), text(made.private_key_pem)


def test_a_certificate_that_is_over_or_not_yet_valid_is_refused() -> None:
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    chain, _ = dated(start)

    assert out_of_date(chain, start + datetime.timedelta(days=31)) == (
        "proxy.certificate: has expired on 2026-02-01 00:00 UTC; give a renewed one"
    )
    assert out_of_date(chain, start - datetime.timedelta(seconds=1)) == (
        "proxy.certificate: is not valid before 2026-01-01 00:00 UTC; check the clock, or give the present one"
    )
    assert out_of_date(chain, start) is None


def test_a_rollout_refuses_what_has_expired_and_no_other_command_does() -> None:
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    chain, key = dated(start)
    given = {
        "slidegenie:proxy": {"tls": "files", "domain": DOMAIN, "certificate": chain},
        "slidegenie:secrets": {"tlsKey": key},
    }
    with pytest.raises(Problem, match="has expired on 2026-02-01"):
        check_certificate(StackProgram(Path(), "slidegenie", "x", given))


def test_a_key_of_something_else_is_refused() -> None:
    assert found(OWN, OTHER_KEY) == [
        "secrets.tlsKey: does not belong to proxy.certificate; give the key that it was requested with"
    ]


def test_a_key_that_cannot_be_used_is_refused_and_not_shown() -> None:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    protection = serialization.BestAvailableEncryption(b"hunter2")
    locked = serialization.load_pem_private_key(KEY.encode(), None).private_bytes(*form, protection).decode()

    assert found(OWN, locked) == [
        "secrets.tlsKey: is protected by a password; remove it with `openssl pkey -in key.pem -out plain.pem`"
    ]
    assert found(OWN, "hunter2") == [
        "secrets.tlsKey: is no private key in PEM; give the file's content, from -----BEGIN PRIVATE KEY-----"
    ]


def test_a_chain_in_the_wrong_order_is_refused() -> None:
    assert found(OWN + ROOT) == [
        (
            "proxy.certificate: CN=slides.example.com,OU=web,O=Example is not issued by the one after it,"
            " OU=root,O=Example; put the server's own first, then each by whom it was issued"
        )
    ]


def test_a_certificate_without_names_is_refused() -> None:
    assert found(ROOT, text(_ROOT.private_key_pem)) == [
        (
            "proxy.certificate: names no host in subjectAltName, which all clients go by; have it issued for"
            " slides.example.com"
        )
    ]


def test_what_is_no_certificate_is_one_line_and_nothing_more() -> None:
    assert found("/etc/ssl/cert.pem", "nonsense") == [
        "proxy.certificate: is no certificate in PEM; give the file's content, from -----BEGIN CERTIFICATE-----"
    ]


def test_a_plan_cannot_look_into_what_is_encrypted() -> None:
    assert found("encrypted", "encrypted") == []
    assert found(OWN, "encrypted") == []
    assert len(found(OWN, "encrypted", "other.example.com")) == 1


def test_the_settings_ask_all_of_it() -> None:
    values = {"proxy": {"tls": "files", "certificate": OWN}, "secrets": {"tlsKey": OTHER_KEY}}

    assert wrong(values) == [
        (
            "proxy.certificate: is for slides.example.com, not for proxy.domain localhost; give the right one or set"
            " proxy.domain"
        ),
        "secrets.tlsKey: does not belong to proxy.certificate; give the key that it was requested with",
    ]


def test_the_own_certificate_takes_the_place_of_the_local_one() -> None:
    chain, key = own()
    plan = application(proxy={"tls": "files", "certificate": chain}, secrets={"tlsKey": key})
    files = uploads(plan.named("slidegenie-traefik-certificate", CONTAINER))

    assert (files["certificate.pem"], files["key.pem"]) == (chain, key)
    assert plan.of_type("slidegenie:index:LocalCertificate") == []


_ACME = {"tls": "acme", "domain": DOMAIN}
_DNS = {"challenge": "dns", "dns": {"provider": "cloudflare"}}

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a name that no authority knows": (
        {"proxy": {"tls": "acme"}},
        (
            "proxy: domain 'localhost' cannot have a certificate with tls: acme, which needs a full name like"
            " slides.example.com; set domain, or tls: local"
        ),
    ),
    "an address instead of a name": (
        {"proxy": {"tls": "acme", "domain": "192.0.2.7"}},
        (
            "proxy: domain '192.0.2.7' cannot have a certificate with tls: acme, which needs a full name like"
            " slides.example.com; set domain, or tls: local"
        ),
    ),
    "no DNS provider": (
        {"proxy": _ACME | {"acme": {"challenge": "dns"}}},
        (
            "proxy.acme: challenge 'dns' needs dns.provider, a code like cloudflare from"
            " https://go-acme.github.io/lego/dns"
        ),
    ),
    "a login that nobody uses": (
        {"proxy": _ACME, "secrets": {"acmeDns": {"CF_DNS_API_TOKEN": "hunter2"}}},
        "secrets.acmeDns: has no use without proxy.tls: acme and proxy.acme.challenge: dns; set that or remove this",
    ),
    "a secret that is also said in the open": (
        {
            "proxy": _ACME | {"acme": {"challenge": "dns", "dns": {"provider": "x", "environment": {"TOKEN": "a"}}}},
            "secrets": {"acmeDns": {"TOKEN": "hunter2"}},
        },
        "proxy.acme.dns.environment: says TOKEN, and so does secrets.acmeDns; remove it here",
    ),
    "trust in a directory that is not there": (
        {"proxy": _ACME | {"acme": {"directoryCa": ROOT}}},
        "proxy.acme: directoryCa has no use without directoryUrl; add it or remove directoryCa",
    ),
    "trust in what is no certificate": (
        {"proxy": _ACME | {"acme": {"directoryUrl": "https://ca.example.com/dir", "directoryCa": "/etc/ca.pem"}}},
        (
            "proxy.acme.directoryCa: must be certificates in PEM, each from -----BEGIN CERTIFICATE----- to -----END"
            " CERTIFICATE-----"
        ),
    ),
    "a directory without TLS": (
        {"proxy": _ACME | {"acme": {"directoryUrl": "http://ca.example.com/dir"}}},
        (
            "proxy.acme.directoryUrl: must be a URL like https://ca.example.com/acme/directory; got"
            " 'http://ca.example.com/dir' (it does not begin with https://)"
        ),
    ),
    "load balancers that nobody named": (
        {"proxy": {"clientAddress": "forwardedFor"}},
        (
            "proxy: clientAddress 'forwardedFor' needs trustedProxies, the addresses of the load balancers; add them or"
            " set clientAddress: connection"
        ),
    ),
    "load balancers that nobody asks": (
        {"proxy": {"trustedProxies": ["10.0.0.7"]}},
        "proxy: trustedProxies has no use with clientAddress 'connection'; set it to forwardedFor or proxyProtocol",
    ),
    "trust in everybody": (
        {"proxy": {"clientAddress": "forwardedFor", "trustedProxies": ["0.0.0.0/0"]}},
        "proxy.trustedProxies.0: would trust everybody, and so anybody could pose as anybody; got '0.0.0.0/0'",
    ),
    "a network that is none": (
        {"proxy": {"clientAddress": "forwardedFor", "trustedProxies": ["10.0.0.7/24"]}},
        (
            "proxy.trustedProxies.0: must be an address or a network, like 10.0.0.7 or 10.0.0.0/24; got '10.0.0.7/24'"
            " (10.0.0.7/24 has host bits set)"
        ),
    ),
    "bodies that do not fit": (
        {"proxy": {"requestMib": 33}},
        (
            "proxy: requestMib must be at most an eighth of limits.memoryMib (32); got 33; raise limits.memoryMib, or"
            " set requestMib: 0 and let the services limit it"
        ),
    ),
}


@pytest.mark.parametrize(("values", "line"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(values: dict[str, Any], line: str) -> None:
    assert wrong(values) == [line]


def test_the_login_at_the_dns_provider_is_a_secret_file_and_its_variable_says_where() -> None:
    plan = application(
        proxy=_ACME | {"acme": _DNS | {"dns": {"provider": "route53", "environment": {"AWS_REGION": "eu-west-1"}}}},
        secrets={"acmeDns": {"AWS_SECRET_ACCESS_KEY": "hunter2"}},
    )
    traefik = plan.named("slidegenie-traefik-1")
    seed = plan.named("slidegenie-traefik-seed")

    assert traefik.inputs["envs"] == [
        "AWS_REGION=eu-west-1",
        "AWS_SECRET_ACCESS_KEY_FILE=/run/secrets/AWS_SECRET_ACCESS_KEY",
    ]
    assert files_in(plan, "slidegenie-traefik-dns-secrets") == {"AWS_SECRET_ACCESS_KEY": "hunter2"}
    assert "hunter2" not in str(traefik.inputs)
    assert plain(seed.inputs["uploads"]) != seed.inputs["uploads"], "not encrypted in the state"


def test_certificates_of_an_authority_are_in_a_protected_volume_of_their_own() -> None:
    plan = application(proxy=_ACME, engine={"dataRoot": "/opt/slidegenie/data", "socketGroup": 999})
    volume = plan.named("slidegenie-traefik-certificates-data", "docker:index/volume:Volume")

    assert volume.protect is True
    assert volume.inputs["driverOpts"]["device"] == "/opt/slidegenie/data/certificates"
    mounts = {mount["target"]: mount["readOnly"] for mount in plan.named("slidegenie-traefik-1").inputs["mounts"]}
    assert mounts["/certificates"] is False


def test_the_certificate_until_then_is_not_for_the_domain() -> None:
    """Traefik asks for no certificate where it has one: seen, it never asked."""
    plan = application(proxy=_ACME)
    chain = uploads(plan.named("slidegenie-traefik-certificate", CONTAINER))["certificate.pem"]
    names = x509.load_pem_x509_certificate(chain.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )

    assert names.value.get_values_for_type(x509.DNSName) == ["localhost", "*.localhost"]


def test_without_an_authority_there_is_no_such_volume() -> None:
    targets = [mount["target"] for mount in as_it_comes().named("slidegenie-traefik-1").inputs["mounts"]]

    assert targets == ["/etc/traefik", "/dynamic"]
