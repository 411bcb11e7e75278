"""Traefik's static configuration: entry points, where routes come from, who issues certificates.

A change of it replaces Traefik, and so is the short gap that a platform has; what can live in `edge` lives there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.labels import STACK_LABEL
from ..settings import AcmeSettings, Challenge, ClientAddress, EncodedSlashes, ProxySettings, TlsMode
from .config import DIRECT, HTTP, HTTPS, INTERNAL, SOCKET_PROXY_PORT, as_yaml, local_ports
from .rules import matcher

CERTIFICATES_PATH = "/certificates"
"""Where the volume with account and certificates of the authority is."""
CONFIG_PATH = "/etc/traefik"
"""Where the files of the static configuration are."""
AUTHORITY_FILE = "acme-directory.pem"
"""The authorities that the directory is trusted by."""
SECRETS_PATH = "/run/secrets"
"""Where the secrets of the DNS provider are, a file each, by the name of their variable."""
_RESOLVER = "acme"
_CHALLENGE_DELAY = "10s"
"""Between offering an answer and having the authority look. Traefik asks for renewals before its own routes are loaded,
and who loses that race is asked again on the next day, or with long certificates a week later."""


def static(network: str, stack: str, settings: ProxySettings, *, local: Sequence[str] = ()) -> str:
    """Return the configuration of the Traefik of `stack`, whose servers are on `network`."""
    told: dict[str, Any] = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "INFO", "format": "json"},
        "accessLog": {
            "format": "json",
            # Headers carry cookies and tokens, and what stands behind the question mark may be a token too.
            "fields": {
                "headers": {"defaultMode": "drop"},
                "queryParameters": {"defaultMode": "drop"},
                "names": {"ClientUsername": "drop"},
            },
        },
        "api": {"dashboard": False, "insecure": False},
        "ping": {"entryPoint": "internal"},
        "metrics": {"prometheus": {"entryPoint": "internal", "addRoutersLabels": True}},
        "entryPoints": _entry_points(settings, local),
        "providers": {
            # Routes are files, so that an old and a new container can never disagree about them.
            "file": {"directory": "/dynamic", "watch": True},
            "docker": {
                "endpoint": f"tcp://socket-proxy:{SOCKET_PROXY_PORT}",
                "exposedByDefault": False,
                "network": network,
                # Another stack on this host is none of our business.
                "constraints": matcher("Label", STACK_LABEL, stack),
            },
            "providersThrottleDuration": "200ms",
        },
        "serversTransport": {
            "forwardingTimeouts": {
                "dialTimeout": "2s",
                "responseHeaderTimeout": f"{settings.timeouts.answer_seconds}s",
                # Shorter than a server keeps a connection open, else the two close and reuse it at the same moment.
                "idleConnTimeout": "30s",
            },
        },
    }
    if settings.tls is TlsMode.ACME:
        told["certificatesResolvers"] = {_RESOLVER: {"acme": _acme(settings.acme)}}
    return as_yaml(told)


def acme_environment(settings: ProxySettings, secrets: Sequence[str]) -> Mapping[str, str]:
    """Return the environment of Traefik; of `secrets` only where the file is."""
    if settings.tls is not TlsMode.ACME:
        return {}
    return {**settings.acme.dns.environment, **{f"{name}_FILE": f"{SECRETS_PATH}/{name}" for name in secrets}}


def _entry_points(settings: ProxySettings, local: Sequence[str]) -> dict[str, Any]:
    timeouts = settings.timeouts
    transport = {
        "respondingTimeouts": {
            "readTimeout": f"{timeouts.read_seconds}s",
            "writeTimeout": f"{timeouts.write_seconds}s",
            "idleTimeout": f"{timeouts.idle_seconds}s",
        },
        "lifeCycle": {"graceTimeOut": "20s"},
    }
    refused = settings.encoded_slashes is EncodedSlashes.PASS
    http = {
        "maxHeaderBytes": settings.header_kib * 1024,
        # Some servers take X_Forwarded_For for X-Forwarded-For: a client could say what only the edge may.
        "underscoreHeadersStrategy": "delete",
        "encodedCharacters": {
            "allowEncodedSlash": refused,
            "allowEncodedBackSlash": False,
            "allowEncodedNullCharacter": False,
        },
    }
    tls = {"certResolver": _RESOLVER, "domains": [{"main": settings.domain}]} if settings.tls is TlsMode.ACME else {}
    outside = {"transport": transport, **_clients(settings)}
    points: dict[str, Any] = {
        "web": {"address": f":{HTTP}", "http": http, **outside},
        "websecure": {
            "address": f":{HTTPS}",
            "http": {"tls": tls, "middlewares": ["edge@file"], **http},
            **outside,
        },
        "internal": {"address": f":{INTERNAL}"},
    }
    if settings.backend_port is not None:
        points["direct"] = {"address": f":{DIRECT}", "transport": transport}
    return points | {service: {"address": f":{port}"} for service, port in local_ports(local).items()}


def _clients(settings: ProxySettings) -> dict[str, Any]:
    trusted = list(settings.trusted_proxies)
    if settings.client_address is ClientAddress.FORWARDED_FOR:
        return {"forwardedHeaders": {"trustedIPs": trusted}}
    if settings.client_address is ClientAddress.PROXY_PROTOCOL:
        return {"proxyProtocol": {"trustedIPs": trusted}}
    return {}


def _acme(settings: AcmeSettings) -> dict[str, Any]:
    told: dict[str, Any] = {
        "caServer": settings.directory,
        "storage": f"{CERTIFICATES_PATH}/acme.json",
        "keyType": settings.key_type.value,
        "certificatesDuration": settings.certificate_hours,
    }
    if settings.email is not None:
        told["email"] = settings.email
    if settings.directory_ca is not None:
        told["caCertificates"] = [f"{CONFIG_PATH}/{AUTHORITY_FILE}"]
    match settings.challenge:
        case Challenge.HTTP:
            told["httpChallenge"] = {"entryPoint": "web", "delay": _CHALLENGE_DELAY}
        case Challenge.TLS_ALPN:
            told["tlsChallenge"] = {"delay": _CHALLENGE_DELAY}
        case Challenge.DNS:
            told["dnsChallenge"] = _dns(settings)
    return told


def _dns(settings: AcmeSettings) -> dict[str, Any]:
    told: dict[str, Any] = {"provider": settings.dns.provider}
    if settings.dns.resolvers:
        told["resolvers"] = list(settings.dns.resolvers)
    if settings.dns.wait_seconds is not None:
        told["propagation"] = {"disableChecks": True, "delayBeforeChecks": f"{settings.dns.wait_seconds}s"}
    return told
