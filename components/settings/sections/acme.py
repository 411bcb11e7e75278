"""The settings of certificates that an authority issues by itself (RFC 8555)."""

import enum
from typing import Annotated

from pydantic import Field, model_validator

from ..base import Section
from ..values.addresses import HostPort, HttpsUrl, MailAddress
from ..values.texts import Certificates, Text, VariableName


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

    @model_validator(mode="after")
    def _dns_has_a_provider(self) -> "AcmeSettings":
        if self.challenge is Challenge.DNS and self.dns.provider is None:
            raise ValueError(
                "challenge 'dns' needs dns.provider, a code like cloudflare from https://go-acme.github.io/lego/dns"
            )
        if self.directory_ca is not None and self.directory_url is None:
            raise ValueError("directoryCa has no use without directoryUrl; add it or remove directoryCa")
        return self

    @property
    def directory(self) -> str:
        """Address of the authority's directory."""
        staging = "-staging" if self.authority is Authority.LETS_ENCRYPT_STAGING else ""
        return self.directory_url or f"https://acme{staging}-v02.api.letsencrypt.org/directory"
