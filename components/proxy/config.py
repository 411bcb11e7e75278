"""What Traefik and the allow-list in front of the Docker socket are told, as the files they read."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

SOCKET_PROXY_PORT = 2375
HTTP, HTTPS, DIRECT, INTERNAL = 8080, 8443, 8000, 8082
"""Ports inside the proxy's container: unprivileged ones, whatever the host publishes them as."""
_FIRST_LOCAL = 8100
"""The first of the ports inside the container that lead to one service each, on the Docker host only."""

HAPROXY = f"""\
# Lets the proxy watch containers, and nothing else: no logs, no files, no start, no stop.
global
    log stdout format raw local0 notice
    maxconn 64

defaults
    mode http
    log global
    timeout connect 2s
    timeout http-request 5s
    # The stream of events stays open for as long as the proxy lives.
    timeout client 24h
    timeout server 24h

frontend docker
    bind :{SOCKET_PROXY_PORT}
    monitor-uri /healthz
    monitor fail if {{ nbsrv(engine) lt 1 }}
    acl ping    path_reg ^(/v[0-9.]+)?/_ping$
    acl read    path_reg ^(/v[0-9.]+)?/(version|info|events|containers/json)$
    acl inspect path_reg ^(/v[0-9.]+)?/containers/[0-9a-f]+/json$
    http-request allow if {{ method HEAD GET }} ping
    http-request allow if {{ method GET }} read
    http-request allow if {{ method GET }} inspect
    http-request deny deny_status 403
    default_backend engine

backend engine
    option httpchk GET /_ping
    server engine unix@/var/run/docker.sock check inter 2s
"""


def local_ports(services: Sequence[str]) -> Mapping[str, int]:
    """Return the port inside the proxy's container that each of `services` has to itself."""
    return {service: _FIRST_LOCAL + index for index, service in enumerate(sorted(services))}


def static(network: str, stack: str, *, direct: bool, local: Sequence[str] = ()) -> str:
    """Return Traefik's static configuration: entry points, providers, health; a change of it replaces Traefik."""
    timeouts = {"readTimeout": "60s", "writeTimeout": "0s", "idleTimeout": "180s"}
    entry_points: dict[str, Any] = {
        "web": {"address": f":{HTTP}"},
        "websecure": {
            "address": f":{HTTPS}",
            "http": {"tls": {}, "middlewares": ["edge@file"]},
            "transport": {"respondingTimeouts": timeouts, "lifeCycle": {"graceTimeOut": "20s"}},
        },
        "internal": {"address": f":{INTERNAL}"},
    }
    if direct:
        entry_points["direct"] = {"address": f":{DIRECT}", "transport": {"respondingTimeouts": dict(timeouts)}}
    entry_points |= {service: {"address": f":{port}"} for service, port in local_ports(local).items()}
    return _yaml(
        {
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "log": {"level": "INFO", "format": "json"},
            "accessLog": {
                "format": "json",
                "fields": {"headers": {"defaultMode": "drop"}},
            },
            "api": {"dashboard": False, "insecure": False},
            "ping": {"entryPoint": "internal"},
            "metrics": {"prometheus": {"entryPoint": "internal", "addRoutersLabels": True}},
            "entryPoints": entry_points,
            "providers": {
                # Routes are files, so that an old and a new container can never disagree about them.
                "file": {"directory": "/dynamic", "watch": True},
                "docker": {
                    "endpoint": f"tcp://socket-proxy:{SOCKET_PROXY_PORT}",
                    "exposedByDefault": False,
                    "network": network,
                    # Another stack on this host is none of our business.
                    "constraints": f"Label(`io.slidegenie.stack`,`{stack}`)",
                },
                "providersThrottleDuration": "200ms",
            },
            "serversTransport": {
                # Shorter than a server keeps a connection open, else the two close and reuse it at the same moment.
                "forwardingTimeouts": {"dialTimeout": "2s", "responseHeaderTimeout": "60s", "idleConnTimeout": "30s"},
            },
        }
    )


def edge(https_port: int) -> str:
    """Return the dynamic configuration that is the same for all services: TLS, headers, retries."""
    headers = {
        "stsSeconds": 31536000,
        "stsIncludeSubdomains": True,
        "contentTypeNosniff": True,
        "frameDeny": True,
        "referrerPolicy": "strict-origin-when-cross-origin",
        "customResponseHeaders": {"Server": "", "X-Powered-By": ""},
    }
    return _yaml(
        {
            "http": {
                "middlewares": {
                    "edge": {"chain": {"middlewares": ["headers", "compress", "retry"]}},
                    "headers": {"headers": headers},
                    "compress": {"compress": {}},
                    "retry": {"retry": {"attempts": 3, "initialInterval": "100ms"}},
                    "https": {"redirectScheme": {"scheme": "https", "port": str(https_port), "permanent": True}},
                },
                "routers": {
                    "to-https": {
                        "entryPoints": ["web"],
                        "rule": "PathPrefix(`/`)",
                        "middlewares": ["https"],
                        "service": "noop@internal",
                    }
                },
            },
            "tls": {
                "options": {
                    "default": {
                        "minVersion": "VersionTLS12",
                        "cipherSuites": [
                            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
                        ],
                        "alpnProtocols": ["h2", "http/1.1"],
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


def route(service: str, rule: str, *, priority: int, direct: bool) -> str:
    """Return the dynamic configuration that leads what matches `rule` to the containers of `service`.

    Of several rules that match, the one with the highest `priority` wins.
    """
    router = {
        "entryPoints": ["websecure"],
        "rule": rule,
        "priority": priority,
        "service": f"{service}@docker",
        "tls": {},
    }
    routers: dict[str, Any] = {service: router}
    if direct:
        routers[f"{service}-direct"] = {
            "entryPoints": ["direct"],
            "rule": "PathPrefix(`/`)",
            "middlewares": ["retry@file"],
            "service": f"{service}@docker",
        }
    return _yaml({"http": {"routers": routers}})


def forward(service: str, port: int, *, rule: str | None, priority: int, local: bool) -> str:
    """Return the dynamic configuration that leads to the one container of `service`, found by its name.

    `rule` leads what matches it there over TLS; `local` gives it the port that `local_ports` says.
    """
    routers: dict[str, Any] = {}
    if rule is not None:
        over_tls = {"entryPoints": ["websecure"], "rule": rule, "priority": priority, "service": service, "tls": {}}
        routers[service] = over_tls
    if local:
        routers[f"{service}-local"] = {"entryPoints": [service], "rule": "PathPrefix(`/`)", "service": service}
    servers = [{"url": f"http://{service}:{port}"}]
    return _yaml({"http": {"routers": routers, "services": {service: {"loadBalancer": {"servers": servers}}}}})


def server_labels(service: str, port: int, health_path: str) -> dict[str, str]:
    """Return the labels by which Traefik finds the containers of `service`.

    They never change between releases: two containers that disagree about them make Traefik drop the service.
    """
    balancer = f"traefik.http.services.{service}.loadbalancer"
    return {
        "traefik.enable": "true",
        f"{balancer}.server.port": str(port),
        f"{balancer}.healthcheck.path": health_path,
        f"{balancer}.healthcheck.interval": "500ms",
        f"{balancer}.healthcheck.timeout": "2s",
    }


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=1000)
