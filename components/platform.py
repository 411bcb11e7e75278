"""The whole platform: what one stack file describes."""

from dataclasses import dataclass
from typing import Any

import pulumi

from .backend import Backend, BackendArgs
from .endpoints import Endpoint
from .foundation import Foundation, FoundationArgs
from .host import socket_group
from .postgres import Postgres, PostgresArgs, external_postgres
from .proxy import Proxy, ProxyArgs
from .redis import Redis, RedisArgs, external_redis
from .secrets import StackSecrets
from .settings import Settings
from .storage import Storage, StorageArgs, external_storage


@dataclass(frozen=True, kw_only=True)
class DataStores:
    """Where services find their data stores."""

    postgres: Endpoint
    """PostgreSQL."""
    redis: Endpoint
    """Redis."""
    storage: Endpoint
    """S3-compatible storage."""


class SlideGeniePlatform(pulumi.ComponentResource):
    """Networks, data stores, edge and backend of one stack."""

    foundation: Foundation
    """What further workloads stand on."""
    proxy: Proxy
    """The edge; further services route through it."""
    stores: DataStores
    """The data stores, for further services."""
    backend: Backend
    """The application."""
    url: str
    """Address of the platform."""
    backend_url: str | None
    """Address of the backend without TLS, on the Docker host only; `None` where it is not published."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:SlideGeniePlatform", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        images, proxy = settings.images, settings.proxy
        self.foundation = Foundation(name, FoundationArgs(images=images, engine=settings.engine), opts=child)
        self.stores = self._stores(name, settings)
        self.proxy = Proxy(
            f"{name}-traefik",
            ProxyArgs(
                foundation=self.foundation,
                socket_group=socket_group(settings.engine),
                settings=proxy,
                engine=settings.engine,
                images=images,
                secrets=settings.secrets,
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
            ),
            opts=child,
        )
        port = "" if proxy.https_port == 443 else f":{proxy.https_port}"  # noqa: PLR2004 - the port HTTPS has by itself
        self.url = f"https://{proxy.domain}{port}"
        self.backend_url = f"http://127.0.0.1:{proxy.backend_port}" if proxy.backend_port else None
        self.register_outputs({"url": self.url})

    def _stores(self, name: str, settings: Settings) -> DataStores:
        child = pulumi.ResourceOptions(parent=self)
        secrets = StackSecrets(name, settings.secrets, opts=child)
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
                PostgresArgs(**place, password=secrets.postgres_password, settings=postgres),
                opts=child,
            ).endpoint,
            redis=external_redis(redis.external, secrets.redis_password)
            if redis.external
            else Redis(
                f"{name}-redis", RedisArgs(**place, password=secrets.redis_password, settings=redis), opts=child
            ).endpoint,
            storage=external_storage(
                storage.external, storage.bucket, secrets.storage_access_key, secrets.storage_secret_key
            )
            if storage.external
            else Storage(
                f"{name}-minio",
                StorageArgs(
                    **place,
                    access_key=secrets.storage_access_key,
                    secret_key=secrets.storage_secret_key,
                    settings=storage,
                ),
                opts=child,
            ).endpoint,
        )
