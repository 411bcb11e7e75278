"""How the settings of a platform say whether and how Redis is backed up."""

import pulumi

from ..core.endpoints import Endpoint
from ..settings import Settings
from ..stores.redis import BACKUP_USER
from .args import RedisLogin


def saves_redis(settings: Settings) -> bool:
    """Return whether the platform's own Redis is backed up."""
    return settings.backup.enabled and settings.backup.redis and settings.redis.external is None


def redis_login(settings: Settings, endpoint: Endpoint, password: pulumi.Output[str] | None) -> RedisLogin | None:
    """Return who takes snapshots at `endpoint`, an external one's own user without `password`; `None` for nobody."""
    if not settings.backup.redis:
        return None
    if password is not None:
        return RedisLogin(endpoint=endpoint, user=BACKUP_USER, password=password)
    return RedisLogin(
        endpoint=endpoint, user=endpoint.environment["REDIS_USER"], password=endpoint.secrets["redis-password"]
    )
