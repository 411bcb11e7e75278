"""The part of Traefik's dynamic configuration that is the same for all services; it changes while Traefik runs."""

from typing import Any

from ..settings import ClientAddress, ProxySettings, TlsMode
from .config import as_dynamic

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
