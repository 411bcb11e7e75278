"""Traefik's own configuration: the static part, and what of the dynamic part is the same for all services.

A change of the static part replaces Traefik, and so is the short gap that a platform has; what can live in `edge`
lives there, which changes while Traefik runs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.labels import STACK_LABEL
from ..settings import AcmeSettings, Challenge, ClientAddress, EncodedSlashes, ProxySettings, TlsMode
from .routes import DIRECT, HTTP, HTTPS, INTERNAL, SOCKET_PROXY_PORT, as_dynamic, as_yaml, local_ports, matcher

_MIB = 2**20
_SUITES = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
"""For TLS 1.2, those of Mozilla's intermediate profile that need no parameters of our own; 1.3 has none to choose."""
_CURVES = ("X25519MLKEM768", "X25519", "CurveP256", "CurveP384")
"""Those of the same profile; the first one also holds against a quantum computer that comes later."""


def edge(settings: ProxySettings) -> str:
    """Return TLS, redirect, headers and limits."""
    limits = _limits(settings)
    return as_dynamic(
        {
            "http": {
                "middlewares": {
                    # Who asks too much is told so before anything is done for them.
                    "edge": {"chain": {"middlewares": ["headers", *limits, "compress", "retry"]}},
                    "headers": {"headers": _headers(settings)},
                    **limits,
                    "compress": {"compress": {}},
                    "retry": {"retry": {"attempts": settings.attempts, "initialInterval": "100ms"}},
                    "https": {
                        "redirectScheme": {"scheme": "https", "port": str(settings.https_port), "permanent": True}
                    },
                    **_body(settings),
                },
                "routers": {
                    "to-https": {
                        "entryPoints": ["web"],
                        "rule": "PathPrefix(`/`)",
                        "middlewares": [*limits, "https"],
                        "service": "noop@internal",
                    }
                },
            },
            "tls": {
                "options": {
                    "default": {
                        "minVersion": "VersionTLS12",
                        "cipherSuites": list(_SUITES),
                        "curvePreferences": list(_CURVES),
                        "alpnProtocols": ["h2", "http/1.1"]
                        # Traefik answers the authority's question through this protocol itself.
                        + (["acme-tls/1"] if settings.tls is TlsMode.ACME else []),
                    }
                },
                "stores": {
                    "default": {
                        "defaultCertificate": {"certFile": "/dynamic/certificate.pem", "keyFile": "/dynamic/key.pem"}
                    }
                },
            },
        }
    )


def _headers(settings: ProxySettings) -> dict[str, Any]:
    told: dict[str, Any] = {
        "contentTypeNosniff": True,
        "frameDeny": True,
        "referrerPolicy": "strict-origin-when-cross-origin",
        "permissionsPolicy": "camera=(), geolocation=(), microphone=()",
        "customResponseHeaders": {"Server": "", "X-Powered-By": "", **settings.headers},
    }
    if settings.hsts_seconds:
        told |= {"stsSeconds": settings.hsts_seconds, "stsIncludeSubdomains": True}
    return told


def _limits(settings: ProxySettings) -> dict[str, Any]:
    rate = settings.rate_limit
    found: dict[str, Any] = {}
    # One network of 64 bits is what one subscriber has.
    source: dict[str, Any] = {"ipStrategy": {"ipv6Subnet": 64}}
    if settings.client_address is ClientAddress.FORWARDED_FOR:
        # Traefik knows no ipv6Subnet beside excludedIPs.
        source = {"ipStrategy": {"excludedIPs": list(settings.trusted_proxies)}}
    if rate.requests_per_second:
        found["rate"] = {
            "rateLimit": {"average": rate.requests_per_second, "burst": rate.burst, "sourceCriterion": source}
        }
    if rate.requests_at_once:
        found["at-once"] = {"inFlightReq": {"amount": rate.requests_at_once, "sourceCriterion": source}}
    return found


def _body(settings: ProxySettings) -> dict[str, Any]:
    """Return what holds a body until its size is known. It holds the answer too: only `measured` routes use it."""
    if not settings.request_mib:
        return {}
    return {"body": {"buffering": {"maxRequestBodyBytes": settings.request_mib * _MIB, "memRequestBodyBytes": _MIB}}}


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
