"""The backups of a whole platform, from its settings."""

from typing import TYPE_CHECKING

import pulumi

from ..foundation import Foundation
from ..monitoring import Monitoring
from ..postgres import as_administrator
from ..redis import BACKUP_USER
from ..settings import Settings
from .args import BackupsArgs, RedisLogin
from .backups import Backups

if TYPE_CHECKING:
    from ..platform import DataStores


def saves_redis(settings: Settings) -> bool:
    """Return whether the platform's own Redis is backed up."""
    return settings.backup.enabled and settings.backup.redis and settings.redis.external is None


def platform_backups(  # noqa: PLR0913 - what a platform is made of
    name: str,
    settings: Settings,
    foundation: Foundation,
    stores: "DataStores",
    redis_password: pulumi.Output[str] | None,
    monitoring: Monitoring | None,
    *,
    parent: pulumi.Resource,
) -> Backups | None:
    """Declare the backups of the platform's data stores; `None` when they are not enabled."""
    if not settings.backup.enabled:
        return None
    external = (settings.postgres.external, settings.redis.external, settings.storage.external)
    return Backups(
        f"{name}-backup",
        BackupsArgs(
            foundation=foundation,
            postgres=as_administrator(stores.postgres),
            storage=stores.storage,
            redis=_redis(settings, stores, redis_password),
            # Without monitoring the settings have none of its volumes.
            volumes={data.value: monitoring.volumes[data.value] for data in settings.backup.volumes}
            if monitoring is not None
            else {},
            outward=any(place is not None for place in external),
            textfiles=monitoring.textfiles if monitoring is not None else None,
            settings=settings.backup,
            images=settings.images,
            engine=settings.engine,
            secrets=settings.secrets,
        ),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _redis(settings: Settings, stores: "DataStores", password: pulumi.Output[str] | None) -> RedisLogin | None:
    if not settings.backup.redis:
        return None
    if password is not None:
        return RedisLogin(endpoint=stores.redis, user=BACKUP_USER, password=password)
    return RedisLogin(
        endpoint=stores.redis,
        user=stores.redis.environment["REDIS_USER"],
        password=stores.redis.secrets["redis-password"],
    )
