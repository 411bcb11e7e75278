"""Names and addresses of the network, each checked by what those who use it take."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from .errors import must_be, refused

LAST_PORT = 65_535

Port = Annotated[int, Field(ge=1, le=LAST_PORT)]
"""A TCP port, 1 to 65535."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# A service of another Compose project may well have an underscore in its name.
_LOOSE_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_LOOSE_NAME = re.compile(rf"{_LOOSE_LABEL}(?:\.{_LOOSE_LABEL})*")
_LONGEST_NAME = 253
_CIDR = re.compile(r"[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?")
_URL = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
"""The characters of RFC 3986; any other has to be escaped, and breaks what the address is written into."""
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`|~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`|~-]+)*")
_LONGEST_LOCAL_PART = 64


def _is_name(value: str, pattern: re.Pattern[str] = _NAME) -> bool:
    if not pattern.fullmatch(value) or len(value) > _LONGEST_NAME:
        return False
    # No top-level domain is a number: what ends in one is an address, and may be a wrong one.
    return not value.rpartition(".")[2].isdecimal() or _is_address(value, ipaddress.IPv4Address)


def _is_address(value: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        return not getattr(kind(value), "scope_id", None)
    except ValueError:
        return False


def is_plain_address(value: str) -> bool:
    """Tell whether `value` is an IP address. Of one with an interface behind it, Docker knows nothing."""
    return _is_address(value, ipaddress.IPv4Address) or _is_address(value, ipaddress.IPv6Address)


def _is_host(value: str) -> bool:
    return _is_name(value, _LOOSE_NAME) or _is_address(value, ipaddress.IPv6Address)


def split_port(value: str) -> tuple[str, int] | None:
    """Return host and port of `host:port`, an IPv6 address in brackets; `None` when it is none."""
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= LAST_PORT:
        return None
    if host[:1] == "[" and host[-1:] == "]":
        return (host, int(port)) if _is_address(host[1:-1], ipaddress.IPv6Address) else None
    return (host, int(port)) if _is_name(host, _LOOSE_NAME) else None


def _network(value: str) -> str:
    wanted = "an address or a network, like 10.0.0.7 or 10.0.0.0/24"
    # Python also takes a netmask behind the slash, which Go's net.ParseCIDR does not.
    if not _CIDR.fullmatch(value):
        raise refused(wanted, value)
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise refused(wanted, value, str(error)) from None
    if network.prefixlen == 0:
        raise ValueError(f"would trust everybody, and so anybody could pose as anybody; got {value!r}")
    return value


def url_problem(value: str, schemes: tuple[str, ...]) -> str | None:
    """Say why `value` is no URL of one of `schemes`, without repeating it; `None` when it is one."""
    strange = sorted(set(re.sub(_URL, "", value)))
    if strange:
        escaped = "".join(f"%{byte:02X}" for byte in strange[0].encode("utf-8", "surrogatepass"))
        return f"{strange[0]!r} has to be written as {escaped}"
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return f"its port is not between 1 and {LAST_PORT}, or its address is none"
    if parts.scheme not in schemes:
        return f"it does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if not host or not _is_host(host):
        return "it names no host"
    if port == 0:
        return f"its port is not between 1 and {LAST_PORT}, or its address is none"
    return None


def _open_url(example: str, *schemes: str) -> AfterValidator:
    """Return the check of a URL like `example`, which everybody may read."""

    def check(value: str) -> str:
        if problem := url_problem(value, schemes):
            raise refused(f"a URL like {example}", value, problem)
        if "@" in urlsplit(value).netloc:
            raise ValueError(f"has a login in its URL, where everybody can read it; write it like {example}")
        return value

    return AfterValidator(check)


def _has_no_path(value: str) -> bool:
    parts = urlsplit(value)
    return not (parts.path or parts.query or parts.fragment or value[-1] in "?#")


def is_mail_address(value: str) -> bool:
    """Tell whether a mail server and an authority would take `value` as somebody's address."""
    local, _, domain = value.rpartition("@")
    return bool(
        _LOCAL_PART.fullmatch(local)
        and len(local) <= _LONGEST_LOCAL_PART
        and "." in domain
        and _is_name(domain)
        and not domain.rpartition(".")[2].isdecimal()
    )


Hostname = Annotated[
    str, must_be("a DNS name or an IPv4 address, like slides.example.com, without scheme, port or path", fits=_is_name)
]
"""A DNS name or an IPv4 address, without scheme, port or path."""
Host = Annotated[
    str, must_be("a DNS name or an IP address, like db.example.com, without scheme, port or path", fits=_is_host)
]
"""A DNS name or an IP address, without scheme, port or path."""
HostPort = Annotated[
    str, must_be(f"host:port with a port from 1 to {LAST_PORT}, like smtp.example.com:587", fits=split_port)
]
"""`host:port`."""
TrustedNetwork = Annotated[str, AfterValidator(_network)]
"""An address or a network in CIDR form, and not everybody."""
WebUrl = Annotated[str, _open_url("https://git.example.com/slides", "http", "https")]
"""An address of the web, without a login."""
PageUrl = Annotated[
    WebUrl,
    must_be(
        "a URL like https://git.example.com/RUNBOOK.md",
        problem=lambda value: "what is behind # is the alert's place" if "#" in value else None,
    ),
]
"""The same, of a page that places in it are added to."""
HttpsUrl = Annotated[str, _open_url("https://ca.example.com/acme/directory", "https")]
"""An address that is reached over TLS, without a login."""
_S3 = "https://s3.eu-central-1.amazonaws.com"
EndpointUrl = Annotated[
    str, _open_url(_S3, "http", "https"), must_be(f"a URL without a path, like {_S3}", fits=_has_no_path)
]
"""Scheme, host and port."""
MailAddress = Annotated[str, must_be("one mail address, like ops@example.com", fits=is_mail_address)]
"""One mail address, without a name."""
