"""Certificates from an authority that speaks ACME: issued, kept, renewed. One platform goes through all challenges."""

import base64
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from cryptography import x509
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ..support.client import unverified
from ..support.hardening import violations
from ..support.pem import text
from ..support.waiting import until
from ..support.webhook import gateway
from ..support.workspace import Workspace, docker
from .conftest import missing_for_compose

# ---------------------------------------------------------------------------- authority
# An authority that speaks ACME, the DNS it asks, and a DNS provider: Pebble, of Let's Encrypt.


IMAGE = "slidegenie-airgap/pebble:2.10.1"
LOGIN, PASSWORD = "edge", "hunter2-of-the-dns-provider"
_DAYS = 90


@dataclass
class Pebble:
    """A running authority."""

    directory: str
    """Where the edge asks for certificates."""
    trust: str
    """PEM certificate that the directory is trusted by."""
    provider: str
    """A DNS provider's interface."""
    management: str
    records: list[str] = field(default_factory=list)
    """Names of the records that were set through the provider."""

    def root(self) -> str:
        """Return the certificate that issued certificates are trusted by; another one after each start."""
        return httpx.get(f"{self.management}/roots/0", verify=unverified()).text


@contextmanager
def pebble(folder: Path, ports: range, *, http: int, https: int) -> Iterator[Pebble]:
    """Run an authority that finds every domain on this machine, at the ports `http` and `https`."""
    here = gateway()
    acme, management, names, records, provider = ports[:5]
    root = trustme.CA()
    own = root.issue_cert(here, "127.0.0.1")
    configuration = {
        "listenAddress": f"{here}:{acme}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": "/pebble/own.pem",
        "privateKey": "/pebble/own.key",
        "httpPort": http,
        "tlsPort": https,
        "profiles": {"default": {"description": "As Let's Encrypt's", "validityPeriod": _DAYS * 86_400}},
    }
    folder.mkdir()
    folder.chmod(0o755)
    for name, content in (
        ("pebble.json", json.dumps({"pebble": configuration})),
        ("own.pem", text(own.cert_chain_pems[0])),
        ("own.key", text(own.private_key_pem)),
    ):
        (folder / name).write_text(content, encoding="utf-8")
        (folder / name).chmod(0o644)
    made = Pebble(
        f"https://{here}:{acme}/dir",
        text(root.cert_pem),
        f"http://{here}:{provider}",
        f"https://127.0.0.1:{management}",
    )
    # Without the second, every other order is granted on the strength of an earlier one, and no challenge is made.
    env = ["--env=PEBBLE_VA_NOSLEEP=1", "--env=PEBBLE_AUTHZREUSE=0"]
    run = ["run", "--detach", "--network=host", "--read-only", "--cap-drop=ALL", *env]
    with ExitStack() as stack:

        def start(*arguments: str) -> None:
            container = docker(*run, f"--volume={folder}:/pebble:ro", *arguments).strip()
            stack.callback(docker, "rm", "--force", container)

        quiet = ("-http01=", "-https01=", "-tlsalpn01=", "-doh=")
        start(
            *("--entrypoint=pebble-challtestsrv", IMAGE, "-defaultIPv4=127.0.0.1", "-defaultIPv6="),
            *(f"-dnsserver=127.0.0.1:{names}", f"-management=127.0.0.1:{records}", *quiet),
        )
        start(IMAGE, "-config=/pebble/pebble.json", f"-dnsserver=127.0.0.1:{names}")
        stack.enter_context(_provider(here, provider, f"http://127.0.0.1:{records}", made.records))
        until(lambda: _answers(made), "Pebble answers", 60)
        yield made


def _answers(made: Pebble) -> bool:
    try:
        return httpx.get(made.directory, verify=unverified()).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@contextmanager
def _provider(address: str, port: int, dns: str, seen: list[str]) -> Iterator[None]:
    """Serve the interface of the provider called `httpreq`: it asks for a login, and sets and clears records."""

    def present(request: Request) -> Response:
        asked = request.get_json(force=True)
        seen.append(asked["fqdn"])
        httpx.post(f"{dns}/set-txt", json={"host": asked["fqdn"], "value": asked["value"]})
        return Response()

    def clean_up(request: Request) -> Response:
        httpx.post(f"{dns}/clear-txt", json={"host": request.get_json(force=True)["fqdn"]})
        return Response()

    login = {"Authorization": "Basic " + base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()}
    with HTTPServer(address, port) as server:
        server.no_handler_status_code = httpx.codes.UNAUTHORIZED
        server.expect_request("/present", "POST", headers=login).respond_with_handler(present)
        server.expect_request("/cleanup", "POST", headers=login).respond_with_handler(clean_up)
        yield


# ---------------------------------------------------------------------------- tests


pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

_DOMAIN = "slides.edge.test"
_FIRST_PORT = 32060
_LONG_LIFE = 17_520
"""Hours. Who is told of certificates for two years renews them four months before their end: at once, here."""


@dataclass
class Issued:
    """A platform whose certificate an authority issued."""

    stack: Workspace
    authority: Pebble
    first: x509.Certificate

    def ask(self, **acme: Any) -> None:
        """Bring the platform up with other settings of the authority."""
        self.stack.configure("proxy", acme=settings(self.authority) | acme)
        up = self.stack.run("up")
        assert up.code == 0, up.text

    def account(self) -> str:
        """Return the address of the account at the authority, as the edge keeps it."""
        (traefik,) = self.stack.containers("traefik")
        kept = json.loads(docker("exec", traefik["Id"], "cat", "/certificates/acme.json"))
        return str(kept["acme"]["Account"]["Registration"]["uri"])

    def another_than(self, before: x509.Certificate) -> x509.Certificate:
        """Wait for another certificate of the authority than `before`."""
        until(lambda: renewed(served(self.stack), before), "a renewed certificate", 120)
        return served(self.stack)


def settings(authority: Pebble) -> dict[str, Any]:
    return {"directoryUrl": authority.directory, "directoryCa": authority.trust, "email": "ops@edge.test"}


def served(stack: Workspace) -> x509.Certificate:
    """Return the certificate that the edge shows for the domain."""
    address = ("127.0.0.1", stack.ports[1])
    with (
        socket.create_connection(address, timeout=10) as plain,
        unverified().wrap_socket(plain, server_hostname=_DOMAIN) as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown)


def renewed(certificate: x509.Certificate, before: x509.Certificate) -> bool:
    return by_pebble(certificate) and certificate.serial_number != before.serial_number


def by_pebble(certificate: x509.Certificate) -> bool:
    return "Pebble" in certificate.issuer.rfc4514_string()


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issued]:
    """A stack of its own, whose certificate was asked for by TLS-ALPN-01."""
    if reason := missing_for_compose():
        pytest.skip(reason)
    if not docker("images", "--quiet", IMAGE).strip():
        pytest.skip(f"{IMAGE} is not built: run scripts/build-airgap-images.sh pebble")
    folder = tmp_path_factory.mktemp("acme")
    stack = Workspace.make(folder / "checkout", "edgeacme", "compose", _FIRST_PORT)
    http, https, _ = stack.ports
    with pebble(folder / "pebble", range(_FIRST_PORT + 5, _FIRST_PORT + 10), http=http, https=https) as authority:
        stack.configure("proxy", tls="acme", domain=_DOMAIN, acme=settings(authority) | {"challenge": "tls-alpn"})
        stack.destroy()
        try:
            up = stack.run("up")
            assert up.code == 0, up.text
            until(lambda: by_pebble(served(stack)), "the first certificate", 120)
            yield Issued(stack, authority, served(stack))
        finally:
            stack.destroy()


def test_the_certificate_is_for_the_domain_and_is_trusted(issued: Issued) -> None:
    names = issued.first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    trust = ssl.create_default_context(cadata=issued.authority.root())

    assert names.get_values_for_type(x509.DNSName) == [_DOMAIN]
    with socket.create_connection(("127.0.0.1", issued.stack.ports[1])) as plain:
        trust.wrap_socket(plain, server_hostname=_DOMAIN).close()


def test_the_edge_is_as_locked_up_as_ever_and_keeps_the_key_to_itself(issued: Issued) -> None:
    (traefik,) = issued.stack.containers("traefik")

    assert violations(traefik) == []
    assert docker("exec", traefik["Id"], "stat", "-c", "%a %u", "/certificates/acme.json").split() == ["600", "1000"]


def test_a_restart_asks_for_no_other_certificate(issued: Issued) -> None:
    (traefik,) = issued.stack.containers("traefik")
    account = issued.account()
    docker("restart", traefik["Id"])
    until(lambda: _is_healthy(issued.stack), "Traefik is healthy again", 60)

    assert served(issued.stack).serial_number == issued.first.serial_number
    assert issued.account() == account


def test_a_rollout_keeps_account_and_certificate_and_renews_it_in_time(issued: Issued) -> None:
    """By HTTP-01, through the entry point that redirects everything else."""
    account, (before,) = issued.account(), issued.stack.containers("traefik")
    issued.ask(challenge="http", certificateHours=_LONG_LIFE)
    issued.another_than(issued.first)

    (after,) = issued.stack.containers("traefik")
    assert after["Id"] != before["Id"], "another static configuration is another container"
    assert issued.account() == account


def test_a_dns_provider_is_logged_into_with_a_secret_that_is_in_no_environment(issued: Issued) -> None:
    before = served(issued.stack)
    dns = {"provider": "httpreq", "environment": {"HTTPREQ_ENDPOINT": issued.authority.provider}, "waitSeconds": 0}
    issued.stack.configure("secrets", acmeDns={"HTTPREQ_USERNAME": LOGIN, "HTTPREQ_PASSWORD": PASSWORD})
    issued.ask(challenge="dns", dns=dns, certificateHours=_LONG_LIFE)
    issued.another_than(before)

    assert issued.authority.records == [f"_acme-challenge.{_DOMAIN}."]
    (traefik,) = issued.stack.containers("traefik")
    assert PASSWORD not in json.dumps(traefik)
    assert "HTTPREQ_PASSWORD_FILE=/run/secrets/HTTPREQ_PASSWORD" in traefik["Config"]["Env"]
    assert PASSWORD not in docker("logs", traefik["Id"])


def _is_healthy(stack: Workspace) -> bool:
    return [c["State"]["Health"]["Status"] for c in stack.containers("traefik")] == ["healthy"]
