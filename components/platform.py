"""The whole platform: what one stack file describes."""

from dataclasses import dataclass
from typing import Any

import pulumi

from .backend import Backend, BackendArgs
from .backups import Backups, BackupsArgs, redis_login, saves_redis
from .containers.foundation import Foundation, FoundationArgs
from .containers.secrets import StackSecrets, StackSecretsArgs
from .edge import Proxy, ProxyArgs
from .images.supply_chain.admission import VendorImages, VendorImagesArgs
from .monitoring import Additions, Monitoring, MonitoringArgs, WatchedPostgres
from .releases import StackReleases
from .settings import Settings
from .stores.clients import Endpoint
from .stores.postgres import Postgres, PostgresArgs, as_administrator, external_postgres
from .stores.redis import Redis, RedisArgs, external_redis
from .stores.storage import Storage, StorageArgs, external_storage


@dataclass(frozen=True, kw_only=True)
class DataStores:
    """Where services find their data stores."""

    postgres: Endpoint
    """PostgreSQL."""
    redis: Endpoint
    """Redis."""
    storage: Endpoint
    """S3-compatible storage."""


@dataclass(frozen=True, kw_only=True)
class SlideGeniePlatformArgs:
    """What one stack file describes, and what runs beside the application."""

    settings: Settings = Settings()
    """The settings of the stack."""
    monitored: Additions = Additions()
    """Targets, rules and dashboards of what runs beside the application."""


class SlideGeniePlatform(pulumi.ComponentResource):
    """Networks, data stores, edge, backend and monitoring of one stack.

    Owns all of it; a store that `external` names is somebody else's and only used. No container of the stack is
    created or replaced before the image of the application, and those of vendors, have proven what `supplyChain` asks.
    """

    foundation: Foundation
    """What further workloads stand on."""
    proxy: Proxy
    """The edge; further services route through it."""
    stores: DataStores
    """The data stores, for further services."""
    backend: Backend
    """The application."""
    monitoring: Monitoring | None
    """What watches all of it; `None` where it is not enabled."""
    backups: Backups | None
    """What saves all of it; `None` where it is not enabled."""
    url: str
    """Address of the platform."""
    backend_url: str | None
    """Address of the backend without TLS, on the Docker host only; `None` where it is not published."""
    releases: pulumi.Output[dict[str, Any]]
    """The last good releases, for `backend.rollback`; export it as `releases`, where the next update reads it."""

    def __init__(self, name: str, args: SlideGeniePlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:SlideGeniePlatform", name, None, opts)
        # Nothing is declared yet: a program that waits for an answer lets begin what is.
        releases = StackReleases(args.settings.backend)
        settings = args.settings.model_copy(update={"backend": releases.settings})
        child = pulumi.ResourceOptions(parent=self)
        images, proxy = settings.images, settings.proxy
        self.foundation = Foundation(
            name, FoundationArgs(images=images, engine=settings.engine, policy=settings.policy), opts=child
        )
        releases.hold(self.foundation)
        if settings.supply_chain.vendors:
            vendors = VendorImagesArgs(
                images=images,
                settings=settings.supply_chain,
                registry=settings.registry,
                secrets=settings.secrets,
            )
            for image in VendorImages(f"{name}-vendors", vendors, opts=child).verified:
                self.foundation.wait_for(image)
        self.stores = self._stores(name, settings)
        self.proxy = Proxy(
            f"{name}-traefik",
            ProxyArgs(
                foundation=self.foundation,
                settings=proxy,
                engine=settings.engine,
                images=images,
                secrets=settings.secrets,
                local_ports=settings.monitoring.published(),
            ),
            opts=child,
        )
        self.backend = Backend(
            f"{name}-app",
            BackendArgs(
                foundation=self.foundation,
                proxy=self.proxy,
                endpoints=(self.stores.postgres, self.stores.redis, self.stores.storage),
                settings=settings.backend,
                images=images,
                engine=settings.engine,
                registry=settings.registry,
                supply_chain=settings.supply_chain,
                secrets=settings.secrets,
            ),
            opts=child,
        )
        self.monitoring = self._monitoring(name, settings, args.monitored) if settings.monitoring.enabled else None
        self.backups = self._backups(name, settings) if settings.backup.enabled else None
        self.url = self.proxy.url
        self.backend_url = f"http://127.0.0.1:{proxy.backend_port}" if proxy.backend_port else None
        self.releases = releases.after(self.foundation, self.backend)
        self.register_outputs({"url": self.url})

    def _monitoring(self, name: str, settings: Settings, monitored: Additions) -> Monitoring:
        postgres = self.stores.postgres
        return Monitoring(
            f"{name}-monitoring",
            MonitoringArgs(
                foundation=self.foundation,
                proxy=self.proxy,
                settings=settings.monitoring,
                images=settings.images,
                secrets=settings.secrets,
                data_root=settings.engine.data_root,
                app_port=settings.backend.port,
                # What somebody else runs, somebody else watches.
                postgres=WatchedPostgres(password=postgres.administrator, ready=postgres.ready)
                if postgres.administrator
                else None,
                redis=settings.redis.external is None,
                minio=settings.storage.external is None,
                additions=monitored,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _backups(self, name: str, settings: Settings) -> Backups:
        stores, monitoring = self.stores, self.monitoring
        volumes = self.proxy.volumes | (monitoring.volumes if monitoring is not None else {})
        external = (settings.postgres.external, settings.redis.external, settings.storage.external)
        return Backups(
            f"{name}-backup",
            BackupsArgs(
                foundation=self.foundation,
                postgres=as_administrator(stores.postgres),
                storage=stores.storage,
                redis=redis_login(settings, stores.redis, self._redis_backup_password),
                volumes={**self.backend.volumes, **{name: volumes[name] for name in settings.backup.volumes}},
                outward=any(place is not None for place in external),
                textfiles=monitoring.textfiles if monitoring is not None else None,
                settings=settings.backup,
                images=settings.images,
                engine=settings.engine,
                secrets=settings.secrets,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _stores(self, name: str, settings: Settings) -> DataStores:
        child = pulumi.ResourceOptions(parent=self)
        secrets = StackSecrets(name, StackSecretsArgs(foundation=self.foundation, given=settings.secrets), opts=child)
        self._redis_backup_password = secrets.redis_backup() if saves_redis(settings) else None
        place: dict[str, Any] = {
            "foundation": self.foundation,
            "images": settings.images,
            "data_root": settings.engine.data_root,
        }
        postgres, redis, storage = settings.postgres, settings.redis, settings.storage
        return DataStores(
            postgres=external_postgres(postgres.external, secrets.postgres_password)
            if postgres.external
            else Postgres(
                f"{name}-postgres",
                PostgresArgs(
                    **place,
                    administrator=secrets.administrator("postgres"),
                    login=secrets.postgres_login,
                    password=secrets.postgres_password,
                    settings=postgres,
                ),
                opts=child,
            ).endpoint,
            redis=external_redis(redis.external, secrets.redis_password)
            if redis.external
            else Redis(
                f"{name}-redis",
                RedisArgs(
                    **place,
                    administrator=secrets.administrator("redis"),
                    password=secrets.redis_password,
                    backup_password=self._redis_backup_password,
                    settings=redis,
                ),
                opts=child,
            ).endpoint,
            storage=external_storage(
                storage.external, storage.bucket, secrets.storage_access_key, secrets.storage_secret_key
            )
            if storage.external
            else Storage(
                f"{name}-minio",
                StorageArgs(
                    **place,
                    root=secrets.storage_root(),
                    access_key=secrets.storage_access_key,
                    secret_key=secrets.storage_secret_key,
                    settings=storage,
                ),
                opts=child,
            ).endpoint,
        )
