"""Open what the settings name. Nothing is contacted before its first use."""

from ..model import Dependencies
from ..settings import Settings
from .cache import RedisCache, create_client
from .database import Database
from .objects import S3Objects, create_store


def connect(settings: Settings) -> Dependencies:
    """Create a client for each dependency that is configured."""
    return Dependencies(
        repository=Database(settings) if settings.database_host else None,
        cache=RedisCache(create_client(settings)) if settings.redis_host else None,
        objects=S3Objects(create_store(settings)) if settings.s3_endpoint else None,
    )
