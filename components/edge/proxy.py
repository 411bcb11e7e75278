"""Traefik behind a TLS edge, and the allow-list between it and the Docker socket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from ..containers import FilesMount, HealthCheck, HostMount, PublishedPort, Server, ServerArgs, VolumeMount
from ..containers.found import FoundContainer
from ..containers.foundation import Foundation, Zone
from ..containers.parts import Parts
from ..containers.volumes import Files, PreparedVolume, remove_files, seed
from ..core.certificates import LocalCertificate
from ..core.engine import DockerEngine
from ..core.labels import CONTENT_LABEL, ENGINE_SOCKET, compose_project
from ..core.program import socket_group
from ..settings import EngineSettings, ImagesSettings, Limits, ProxySettings, SecretsSettings, TlsMode, reveal
from . import routes
from .traefik import AUTHORITY_FILE, CERTIFICATES_PATH, CONFIG_PATH, SECRETS_PATH, acme_environment, edge, static

_HTTPS = 443
"""The port an address need not name."""


@dataclass(frozen=True, kw_only=True)
class ProxyArgs:
    """What the edge needs to know."""

    foundation: Foundation
    """The stack's foundation."""
    settings: ProxySettings = ProxySettings()
    """Domain, ports, TLS."""
    engine: EngineSettings = EngineSettings()
    """Where the Docker socket is and who owns it, and where the data is."""
    images: ImagesSettings = ImagesSettings()
    """Which Traefik and HAProxy."""
    secrets: SecretsSettings = SecretsSettings()
    """The key of your own certificate, the login at your DNS provider."""
    local_ports: Mapping[str, int] = field(default_factory=dict)
    """Ports on 127.0.0.1 by service, without TLS, for services that `forward` leads to."""


class Proxy(pulumi.ComponentResource):
    """The only workload that publishes ports. Services add routes to it while it runs.

    Owns Traefik, the allow-list in front of the engine's socket, the certificates of `tls: local` and, with
    `tls: acme`, the volume of those it was issued. Refuses a rule, header or path that Traefik would read as something
    else, and gives nobody the socket itself.
    """

    authority: pulumi.Output[str] | None
    """PEM certificate of the local authority, with `tls: local`."""
    domain: str
    """Name that services are routed under."""
    url: str
    """Address of the platform."""
    volumes: dict[str, PreparedVolume]
    """Its volumes of data by what they hold: `certificates`, with `tls: acme`."""

    def __init__(self, name: str, args: ProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Proxy", name, None, opts)
        self._name, self._foundation = name, args.foundation
        self.domain, self._settings = args.settings.domain, args.settings
        port = "" if args.settings.https_port == _HTTPS else f":{args.settings.https_port}"
        self.url = f"https://{self.domain}{port}"
        self._local = tuple(args.local_ports)
        self._routes: set[str] = set()
        args.foundation.rollout.at_the_end(self._remove_former_routes)
        child = pulumi.ResourceOptions(parent=self)
        self._parts = Parts(
            name=name, foundation=args.foundation, parent=self, images=args.images, data_root=args.engine.data_root
        )
        # A fixed name: its files change in place while Traefik watches the folder.
        self._dynamic = PreparedVolume(
            f"{name}-dynamic",
            {CONTENT_LABEL: "dynamic"},
            files={},
            name=f"{compose_project()}-routes",
            opts=child,
        )
        chain, key, self.authority = self._certificate(args)
        # Apart from each other: a new certificate must not touch the rest while Traefik reads it, and one secret among
        # the files of a seed hides all of them in a preview. The certificate stays with its key, they are of no use
        # without each other.
        self._dynamic_files("certificate", {"certificate.pem": pulumi.Output.secret(chain), "key.pem": key})
        self._dynamic_files("edge", {"edge.yml": edge(args.settings)})
        self._socket_proxy(args)
        acme = args.settings.tls is TlsMode.ACME
        logins = args.secrets.acme_dns if acme else {}
        files = [FilesMount(files=self._static_files(args), path=CONFIG_PATH)]
        if logins:
            # A file for each variable: Traefik reads `NAME_FILE` for `NAME`.
            hidden = {name: pulumi.Output.secret(value.get_secret_value()) for name, value in logins.items()}
            files.append(FilesMount(files=self._parts.files("dns-secrets", hidden), path=SECRETS_PATH))
        self.volumes = {"certificates": self._certificates()} if acme else {}
        volumes = [
            VolumeMount(volume=self._dynamic, path="/dynamic", read_only=True),
            *(VolumeMount(volume=volume, path=CERTIFICATES_PATH) for volume in self.volumes.values()),
        ]
        image = self._parts.pulled(args.images.traefik)
        Server(
            name,
            ServerArgs(
                foundation=args.foundation,
                service="traefik",
                image=image,
                zones=[Zone.EDGE, Zone.APPLICATION, Zone.CONTROL, Zone.MONITORING],
                limits=args.settings.limits,
                command=["traefik", f"--configFile={CONFIG_PATH}/traefik.yml"],
                environment=acme_environment(args.settings, sorted(logins)),
                files=files,
                volumes=volumes,
                # Where bodies are held that do not say their length; see `routes.route`.
                tmpfs_mib={"/tmp": args.settings.spool_mib},  # noqa: S108 - a folder of the container
                ports=_ports(args),
                health=HealthCheck(
                    command=["traefik", "healthcheck", f"--configFile={CONFIG_PATH}/traefik.yml"], interval_seconds=3
                ),
                grace_seconds=30,
            ),
            opts=child,
        )
        self.register_outputs({"authority": self.authority})

    def route(
        self, service: str, *, parent: pulumi.Resource, path: str | None = None, hidden_paths: Sequence[str] = ()
    ) -> None:
        """Lead what is at or below `path` to the containers labelled for `service`.

        A longer `path` goes before a shorter one. Without one, the service takes what no other does, and has the direct
        port too, where the stack publishes one. What is at or below one of `hidden_paths`, which are below `path`, is
        led nowhere.
        """
        # Left to itself, Traefik prefers the longer rule, and the default one is long: it names what it hides.
        content = routes.route(
            service,
            routes.rule(self.domain, path, hidden_paths),
            priority=1 + len(path or ""),
            direct=path is None and self._settings.backend_port is not None,
            request_mib=self._settings.request_mib,
        )
        self._add_route(service, content, parent)

    def forward(
        self,
        service: str,
        port: int,
        *,
        parent: pulumi.Resource,
        path: str | None = None,
        hidden_paths: Sequence[str] = (),
    ) -> None:
        """Lead to the one container of `service`, which shares a network with the proxy and has no labels for it.

        What is at or below `path` goes there over TLS, but for what is at or below one of `hidden_paths`, which are
        below it. So does its port among `local_ports`, where it has one, for all paths.
        """
        local = service in self._local
        if local or path is not None:
            content = routes.forward(
                service,
                port,
                rule=routes.rule(self.domain, path, hidden_paths) if path else None,
                priority=1 + len(path or ""),
                local=local,
                request_mib=self._settings.request_mib,
            )
            self._add_route(service, content, parent)

    def _add_route(self, service: str, content: pulumi.Input[str], parent: pulumi.Resource) -> None:
        self._routes.add(f"{self._name}-route-{service}")
        self._dynamic_files(f"route-{service}", {f"route-{service}.yml": content}, parent=parent)

    def _remove_former_routes(self, engine: DockerEngine, found: Sequence[FoundContainer]) -> None:
        """Remove the routes of services that went: what is below their paths would go to nobody, not to who is next."""
        for container in found:
            prefix, _, service = container.resource.partition("-route-")
            if prefix == self._name and service and container.resource not in self._routes:
                remove_files(engine, container, [f"route-{service}.yml"])

    def _dynamic_files(
        self, role: str, files: dict[str, pulumi.Input[str]], parent: pulumi.Resource | None = None
    ) -> None:
        seed(f"{self._name}-{role}", self._foundation, {self._dynamic: files}, parent=parent or self)

    def _static_files(self, args: ProxyArgs) -> Files:
        stack = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        content = args.foundation.networks.names[Zone.APPLICATION].apply(
            lambda network: static(network, stack, args.settings, local=self._local)
        )
        files: dict[str, pulumi.Input[str]] = {"traefik.yml": content}
        if args.settings.tls is TlsMode.ACME and args.settings.acme.directory_ca is not None:
            files[AUTHORITY_FILE] = args.settings.acme.directory_ca
        return self._parts.files("config", files)

    def _certificates(self) -> PreparedVolume:
        """Return where account and certificates outlive Traefik: authorities issue few for one name in a week."""
        return self._parts.data("certificates", "certificates-data")

    def _certificate(self, args: ProxyArgs) -> tuple[pulumi.Input[str], pulumi.Output[str], pulumi.Output[str] | None]:
        if args.settings.tls is TlsMode.FILES:
            return args.settings.certificate or "", pulumi.Output.secret(reveal(args.secrets.tls_key) or ""), None
        # With ACME, this is what Traefik shows until the authority has issued, and under any other name. It must not be
        # for the domain: Traefik asks for no certificate where it has one.
        acme = args.settings.tls is TlsMode.ACME
        local = LocalCertificate(
            f"{self._name}-certificate",
            "localhost" if acme else args.settings.domain,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return local.chain, local.key, None if acme else local.authority

    def _socket_proxy(self, args: ProxyArgs) -> None:
        child = pulumi.ResourceOptions(parent=self)
        files = self._parts.files("socket-config", {"haproxy.cfg": routes.allow_list()})
        image = self._parts.pulled(args.images.socket_proxy, "socket")
        probe = (
            f"exec 3<>/dev/tcp/127.0.0.1/{routes.SOCKET_PROXY_PORT}"
            " && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '200 OK' <&3"
        )
        Server(
            f"{self._name}-socket",
            ServerArgs(
                foundation=args.foundation,
                service="socket-proxy",
                image=image,
                zones=[Zone.CONTROL],
                limits=Limits(memory_mib=64, cpus=0.25, pids=64),
                command=["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
                files=[FilesMount(files=files, path="/usr/local/etc/haproxy")],
                host_mounts=[HostMount(host_path=args.engine.socket, path=ENGINE_SOCKET)],
                groups=[socket_group(args.engine, self)],
                # The image has no HTTP client; bash can open a connection by itself.
                health=HealthCheck(command=["bash", "-c", probe]),
                grace_seconds=5,
            ),
            opts=child,
        )


def _ports(args: ProxyArgs) -> list[PublishedPort]:
    settings = args.settings
    ports = [
        PublishedPort(internal=routes.HTTP, external=settings.http_port, address=settings.address),
        PublishedPort(internal=routes.HTTPS, external=settings.https_port, address=settings.address),
    ]
    if settings.backend_port is not None:
        ports.append(PublishedPort(internal=routes.DIRECT, external=settings.backend_port))
    internal = routes.local_ports(tuple(args.local_ports))
    return ports + [
        PublishedPort(internal=internal[service], external=port) for service, port in sorted(args.local_ports.items())
    ]
