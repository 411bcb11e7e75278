"""The application: its image, its migrations, its replicas."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from .containers import ContainerArgs, FilesMount, HealthCheck, HostMount, Job, VolumeMount
from .containers.api_tokens import TOKENS_FILE, TOKENS_LABEL, token_files
from .containers.foundation import Foundation, Zone
from .containers.parts import Parts
from .containers.volumes import PreparedVolume
from .core.labels import RELEASE_LABEL
from .edge import Proxy
from .edge.web import WebService, WebServiceArgs
from .images.backend_image import BackendImageArgs, admitted_backend, backend_build
from .images.variants import image_variant
from .settings import (
    BackendSettings,
    EngineSettings,
    ImagesSettings,
    Limits,
    RegistrySettings,
    SecretsSettings,
    SupplyChainSettings,
    Target,
)
from .stores.clients import Endpoint

_PRIVATE_NETWORKS = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
"""Where the proxy's address is; only what shares a network with the backend can reach it at all."""
_TOKENS_FOLDER = "/run/tokens"
_SOURCE_FOLDERS = ("app", "tests")
"""What development runs from the working tree."""


@dataclass(frozen=True, kw_only=True)
class BackendArgs:
    """What the application needs to know."""

    foundation: Foundation
    """The stack's foundation."""
    proxy: Proxy
    """The edge that leads to it."""
    endpoints: Sequence[Endpoint]
    """Its data stores."""
    settings: BackendSettings = BackendSettings()
    """Variant, replicas, drain, limits."""
    images: ImagesSettings = ImagesSettings()
    """Base images."""
    engine: EngineSettings = EngineSettings()
    """What builds trust, and where data lives."""
    registry: RegistrySettings = RegistrySettings()
    """Where the image is pushed to. Default: it stays on the engine."""
    supply_chain: SupplyChainSettings = SupplyChainSettings()
    """What the image must prove before it runs."""
    secrets: SecretsSettings = SecretsSettings()
    """Passwords of the registry and of the signing key."""


class Backend(pulumi.ComponentResource):
    """Migrations first, then the replicas of the new release, then the end of the old ones.

    Owns the image's build, the job of the migrations, the replicas, their route and their volumes of files. Holds every
    container of the stack until the image has proven what `supply_chain` asks.
    """

    image: pulumi.Output[str]
    """What runs."""
    web: WebService
    """The replicas and their route."""
    volumes: dict[str, PreparedVolume]
    """Its volumes of files, by name."""

    def __init__(self, name: str, args: BackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Backend", name, None, opts)
        settings = args.settings
        child = pulumi.ResourceOptions(parent=self)
        image = _image(args)
        self.image = admitted_backend(name, image, parent=self)
        # Not only the backend waits: a rollout whose image is refused has changed nothing at all.
        args.foundation.wait_for(self.image)
        parts = Parts(name=name, foundation=args.foundation, parent=self, data_root=args.engine.data_root)
        files = parts.files(
            "secrets", {file: value for endpoint in args.endpoints for file, value in endpoint.secrets.items()}
        )
        self.volumes = {role: parts.data(role, f"{role}-data") for role in sorted(settings.volumes)}
        secrets = FilesMount(files=files, path="/run/secrets")
        environment = _environment(args)
        common: dict[str, Any] = {
            "foundation": args.foundation,
            "host_mounts": _source(image),
            "after": [resource for endpoint in args.endpoints for resource in endpoint.ready],
            "tmpfs_mib": {"/tmp": 64, "/run/app": 16},  # noqa: S108 - folders of the container
        }
        self.web = WebService(
            name,
            WebServiceArgs(
                **common,
                environment=_access(settings) | environment,
                files=[secrets, *self._tokens(name, args)],
                service="app",
                zones=(Zone.APPLICATION, Zone.DATA, Zone.MONITORING),
                image=self._migrated(name, args, common | {"environment": environment, "files": [secrets]})
                if settings.migrations
                else self.image,
                limits=settings.limits,
                volumes=[VolumeMount(volume=self.volumes[role], path=settings.volumes[role]) for role in self.volumes],
                proxy=args.proxy,
                port=settings.port,
                hidden_paths=("/metrics", "/health/ready"),
                replicas=settings.replicas,
                surge=settings.surge,
                start_seconds=settings.start_seconds,
                labels={
                    RELEASE_LABEL: settings.release,
                    **({TOKENS_LABEL: ",".join(settings.token_names)} if settings.token_names else {}),
                },
                health=HealthCheck(
                    command=settings.health,
                    interval_seconds=3,
                    timeout_seconds=3,
                    start_period_seconds=settings.start_seconds,
                ),
                # The drain, the requests under way, and a little for the process to end by itself.
                grace_seconds=settings.drain_seconds + settings.shutdown_seconds + 5,
            ),
            opts=child,
        )
        self.register_outputs({"image": self.image})

    def _migrated(self, name: str, args: BackendArgs, common: dict[str, Any]) -> pulumi.Output[str]:
        """Return the image once its migrations are through."""
        return Job(
            f"{name}-migrate",
            ContainerArgs(
                **common,
                service="migrate",
                # Nobody asks it anything; it asks the data stores, and those of somebody else are outside.
                zones=(Zone.DATA, *(() if all(endpoint.ready for endpoint in args.endpoints) else (Zone.APPLICATION,))),
                image=self.image,
                command=args.settings.migrations,
                limits=Limits(memory_mib=256, pids=64),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        ).image

    def _tokens(self, name: str, args: BackendArgs) -> list[FilesMount]:
        if not (tokens := args.settings.token_names):
            return []
        return [FilesMount(files=token_files(name, tokens, args.foundation, parent=self), path=_TOKENS_FOLDER)]


def _access(settings: BackendSettings) -> dict[str, pulumi.Input[str]]:
    """Return what the application is told of who may ask, and for how much; one of your own, where its tokens are."""
    tokens: dict[str, pulumi.Input[str]] = (
        {"API_TOKENS_FILE": f"{_TOKENS_FOLDER}/{TOKENS_FILE}"} if settings.token_names else {}
    )
    if settings.own:
        return tokens
    return {
        **(tokens or {"API_OPEN": "true"}),
        "API_QUOTA_MIB": str(settings.quota_mib),
        "BUILD_QUEUE": str(settings.build_queue),
    }


def _environment(args: BackendArgs) -> dict[str, pulumi.Input[str]]:
    settings = args.settings
    own: dict[str, pulumi.Input[str]] = {
        "PORT": str(settings.port),
        "RELEASE": settings.release,
        "WEB_WORKERS": str(settings.workers),
        "DRAIN_SECONDS": str(settings.drain_seconds),
        "SHUTDOWN_SECONDS": str(settings.shutdown_seconds),
        "FORWARDED_ALLOW_IPS": _PRIVATE_NETWORKS,
    }
    for endpoint in args.endpoints:
        own |= endpoint.environment
        own |= {variable: f"/run/secrets/{file}" for variable, file in endpoint.secret_variables.items()}
    return own | settings.environment


def _image(args: BackendArgs) -> BackendImageArgs:
    settings = args.settings
    return BackendImageArgs(
        image=settings.image,
        variant=image_variant(settings.variant, settings.target),
        release=settings.release,
        origin=settings.origin,
        context=settings.context,
        dockerfile=settings.dockerfile,
        stage=settings.stage,
        images=args.images,
        engine=args.engine,
        registry=args.registry,
        supply_chain=args.supply_chain,
        secrets=args.secrets,
    )


def _source(image: BackendImageArgs) -> list[HostMount]:
    """The stage `development` runs the working tree; everything else, only what is in the image."""
    if image.image is not None:
        return []
    build = backend_build(image)
    if build.target != Target.DEVELOPMENT.value:
        return []
    folders = {folder: Path(build.context, folder).resolve() for folder in _SOURCE_FOLDERS}
    return [HostMount(host_path=str(path), path=f"/app/{name}") for name, path in folders.items() if path.is_dir()]
