"""The settings of the edge: names, ports, certificates, and what a client may ask of it."""

import enum
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from ..addresses import Hostname, HostPort, HttpsUrl, MailAddress, Port, TrustedNetwork, is_plain_address
from ..base import Limits, Section
from ..errors import must_be
from ..texts import Certificates, Text, VariableName, check_headers


class Authority(enum.Enum):
    """Who issues the certificate."""

    LETS_ENCRYPT = "letsencrypt"
    """Trusted by browsers; few certificates a week for one name."""
    LETS_ENCRYPT_STAGING = "letsencrypt-staging"
    """To try a set-up: many certificates, trusted by nobody."""


class Challenge(enum.Enum):
    """How the authority sees that the domain is yours."""

    HTTP = "http"
    """HTTP-01: it asks for a file on port 80 of the domain, which must be `httpPort`."""
    TLS_ALPN = "tls-alpn"
    """TLS-ALPN-01: it opens a connection to port 443 of the domain, which must be `httpsPort`."""
    DNS = "dns"
    """DNS-01: it asks for a record, which the edge sets at your DNS provider. The edge needs no open port."""


class KeyType(enum.Enum):
    """The key of the certificate."""

    EC256 = "EC256"
    """ECDSA, P-256: small and fast."""
    EC384 = "EC384"
    """ECDSA, P-384."""
    RSA2048 = "RSA2048"
    """RSA, for clients of before 2010."""
    RSA4096 = "RSA4096"
    """RSA, larger and slower."""


class AcmeDnsSettings(Section):
    """Your DNS provider, for `challenge: dns`."""

    provider: Annotated[str, Field(pattern=r"^[a-z0-9-]+$", examples=["cloudflare"])] | None = None
    """Its code in the list at https://go-acme.github.io/lego/dns; needed with `challenge: dns`."""
    environment: dict[VariableName, Text] = Field(default={})
    """What that list names and is not secret, such as a region. What is secret goes to `secrets.acmeDns`."""
    resolvers: tuple[HostPort, ...] = ()
    """DNS servers that are asked whether the record is there, each with its port. Default: those of the host."""
    wait_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Wait this long instead of asking whether the record is there, for networks where nobody can be asked. Default:
    ask."""


class AcmeSettings(Section):
    """The authority, and how it sees that the domain is yours."""

    challenge: Challenge = Challenge.HTTP
    """How the authority sees that the domain is yours."""
    email: MailAddress | None = None
    """Where the authority writes to. Default: nowhere."""
    authority: Authority = Authority.LETS_ENCRYPT
    """Who issues."""
    directory_url: HttpsUrl | None = None
    """Directory of another authority, such as your company's; `authority` is not asked then."""
    directory_ca: Certificates | None = None
    """PEM certificates that the directory of that authority is trusted by. Default: those of the Traefik image."""
    certificate_hours: Annotated[int, Field(ge=1, le=87_600)] = 2160
    """Life of the certificates that the authority issues: it decides when they are renewed, from 30 days before the end
    of the usual 90 days down to 20 minutes before the end of those under a day."""
    key_type: KeyType = KeyType.EC256
    """The key of the certificate."""
    dns: AcmeDnsSettings = AcmeDnsSettings()
    """Your DNS provider, for `challenge: dns`."""

    def _broken(self) -> Iterator[str]:
        if self.challenge is Challenge.DNS and self.dns.provider is None:
            yield "challenge 'dns' needs dns.provider, a code like cloudflare from https://go-acme.github.io/lego/dns"
        if self.directory_ca is not None and self.directory_url is None:
            yield "directoryCa has no use without directoryUrl; add it or remove directoryCa"

    @property
    def directory(self) -> str:
        """Address of the authority's directory."""
        staging = "-staging" if self.authority is Authority.LETS_ENCRYPT_STAGING else ""
        return self.directory_url or f"https://acme{staging}-v02.api.letsencrypt.org/directory"


_TIMES_BUFFERED = 4
"""So many requests of the largest size are held at once before one more is refused."""


class TlsMode(enum.Enum):
    """Where the certificate of the edge comes from."""

    LOCAL = "local"
    """A local authority, made once and kept in the state."""
    FILES = "files"
    """Your own certificate and key: `proxy.certificate` and `secrets.tlsKey`, both in PEM."""
    ACME = "acme"
    """Let's Encrypt or another authority that speaks ACME: see `proxy.acme`. Renewed by itself."""


class ClientAddress(enum.Enum):
    """How the edge knows who asks, which decides what is counted together and what the access log says."""

    CONNECTION = "connection"
    """The other end of the connection: nothing stands in front of the edge. What a client says of itself is dropped."""
    FORWARDED_FOR = "forwardedFor"
    """The header `X-Forwarded-For` of the load balancers in `trustedProxies`; their own addresses are skipped."""
    PROXY_PROTOCOL = "proxyProtocol"
    """The PROXY protocol, spoken by the load balancers in `trustedProxies`."""


class EncodedSlashes(enum.Enum):
    """What becomes of `%2F` in a path: some servers take it for a slash, and so see another path than the edge did."""

    REFUSE = "refuse"
    """Answered with 400."""
    PASS = "pass"  # noqa: S105 - to let through
    """Passed on as it is."""


class Timeouts(Section):
    """How long the edge waits; who is slower is cut off."""

    read_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """For a whole request, with its body."""
    write_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    """From the end of a request's headers to the end of its answer; 0 for no end, which streams need. WebSockets are
    not counted."""
    idle_seconds: Annotated[int, Field(ge=1, le=86_400)] = 180
    """For the next request on an open connection."""
    answer_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """For a service to begin its answer."""


class RateLimit(Section):
    """What one client may ask; above it the answer is 429.

    An IPv6 network of 64 bits is one client; with `clientAddress: forwardedFor` each IPv6 address is.
    """

    requests_per_second: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    """On average; 0 for no limit."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """At one moment, after a pause."""
    requests_at_once: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    """Under way at the same time; 0 for no limit."""


class ProxySettings(Section):
    """Traefik: the only container that publishes ports."""

    domain: Hostname = "localhost"
    """Name that the platform answers to."""
    address: Annotated[
        str, must_be("an IP address of the Docker host, like 127.0.0.1 or 0.0.0.0", fits=is_plain_address)
    ] = "127.0.0.1"
    """Address of the Docker host the ports are published on; 0.0.0.0 for all."""
    http_port: Port = 80
    """Port that redirects to HTTPS."""
    https_port: Port = 443
    """Port of the platform."""
    backend_port: Port | None = None
    """Publishes the backend without TLS on 127.0.0.1, for development. Default: not published."""
    tls: TlsMode = TlsMode.LOCAL
    """Where the certificate comes from."""
    certificate: str | None = None
    """PEM certificate chain for `tls: files`, the server's own first; the key is `secrets.tlsKey`."""
    acme: AcmeSettings = AcmeSettings()
    """The authority for `tls: acme`, and how it sees that the domain is yours."""
    hsts_seconds: Annotated[int, Field(ge=0, le=3_153_600_000)] = 63_072_000
    """How long browsers refuse to come back without TLS, subdomains included; 0 to not ask for it. Browsers apply it
    to every port of the name."""
    headers: Annotated[dict[str, str], AfterValidator(check_headers)] = Field(default={})
    """Further headers of every answer, such as `Content-Security-Policy`; an empty text removes one."""
    request_mib: Annotated[int, Field(ge=0, le=65_536)] = 10
    """Largest body of a request in MiB, above it the answer is 413; 0 for no limit. What does not say its length is
    held in memory until it is all there, which is why it may be an eighth of `limits.memoryMib` at most."""
    header_kib: Annotated[int, Field(ge=4, le=1024)] = 32
    """Largest headers of a request in KiB, above it the answer is 431."""
    encoded_slashes: EncodedSlashes = EncodedSlashes.REFUSE
    """What becomes of `%2F` in a path."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """How often a request is tried when a server cannot be reached; what a server began to answer is not repeated."""
    timeouts: Timeouts = Timeouts()
    """How long the edge waits."""
    rate_limit: RateLimit = RateLimit()
    """What one client may ask."""
    client_address: ClientAddress = ClientAddress.CONNECTION
    """How the edge knows who asks. Behind a load balancer all clients look like one until this says otherwise."""
    trusted_proxies: tuple[TrustedNetwork, ...] = ()
    """Load balancers in front of the edge, as addresses or networks like 10.0.0.0/24."""
    limits: Limits = Limits(memory_mib=256)
    """Limits of the container."""

    @property
    def spool_mib(self) -> int:
        """Room for bodies that do not say their length, in memory."""
        return max(16, _TIMES_BUFFERED * self.request_mib)

    def _broken(self) -> Iterator[str]:
        trusts = self.client_address is not ClientAddress.CONNECTION
        if trusts and not self.trusted_proxies:
            yield (
                f"clientAddress '{self.client_address.value}' needs trustedProxies, the addresses of the load"
                " balancers; add them or set clientAddress: connection"
            )
        if self.trusted_proxies and not trusts:
            yield "trustedProxies has no use with clientAddress 'connection'; set it to forwardedFor or proxyProtocol"
        if self.request_mib > (most := self.limits.memory_mib // (2 * _TIMES_BUFFERED)):
            yield (
                f"requestMib must be at most an eighth of limits.memoryMib ({most}); got {self.request_mib};"
                " raise limits.memoryMib, or set requestMib: 0 and let the services limit it"
            )
        if self.tls is TlsMode.ACME and (self.domain.split(".")[-1].isdigit() or "." not in self.domain):
            yield (
                f"domain {self.domain!r} cannot have a certificate with tls: acme, which needs a full name like"
                " slides.example.com; set domain, or tls: local"
            )
