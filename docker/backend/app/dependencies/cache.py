"""Redis: a cache of records. Losing all of it costs some queries and nothing else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from ..errors import UnavailableError, one_line
from ..model import ANSWER_SECONDS, Presentation
from ..settings import Settings, read_secret

KEPT = timedelta(minutes=5)
REMOVED = b""
"""Stands for "do not cache this one": longer than a reader could hold on to an old record."""


class _FileCredentials(CredentialProvider):
    """The login, read again for every new connection, so a rotated password needs no restart."""

    def __init__(self, user: str, password_file: Path) -> None:
        self._user = user
        self._password_file = password_file

    def get_credentials(self) -> tuple[str, str]:
        return self._user, read_secret(self._password_file)

    async def get_credentials_async(self) -> tuple[str, str]:
        return self.get_credentials()


def create_client(settings: Settings) -> Redis:
    """Create a client that gives up before a caller does and connects anew by itself."""
    password_file = settings.redis_password_file
    return Redis(
        host=settings.redis_host or "",
        port=settings.redis_port,
        credential_provider=(
            _FileCredentials(settings.redis_user, password_file) if password_file else None
        ),
        ssl=settings.redis_tls,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        max_connections=50,
        # One more try covers a connection the server closed while it was idle.
        retry=Retry(NoBackoff(), 1),
        # Neither name nor version: its user needs GET, SET and PING then, and nothing else.
        driver_info=None,
        # Announcements of a managed cloud service; elsewhere only a failing command per connect.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )


class RedisCache:
    """The cache on Redis. Every key starts with `slidegenie:`, which is all its user may touch."""

    name = "redis"

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def check(self) -> None:
        """Send a PING, which also proves the login."""
        with _unavailable_on_error():
            await self._client.ping()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def get(self, presentation_id: UUID) -> Presentation | None:
        """Return a record, unless it is unknown, marked as removed, or another release's."""
        with _unavailable_on_error():
            value = await self._client.get(_key(presentation_id))
        return _decode(value) if value else None

    async def put(self, presentation: Presentation) -> None:
        """Set the record only where there is nothing, so that it cannot cover a removal mark."""
        with _unavailable_on_error():
            await self._client.set(_key(presentation.id), _encode(presentation), ex=KEPT, nx=True)

    async def announce_removal(self, presentation_id: UUID) -> None:
        """Replace the record by a mark."""
        with _unavailable_on_error():
            await self._client.set(_key(presentation_id), REMOVED, ex=KEPT)


def _key(presentation_id: UUID) -> str:
    return f"slidegenie:presentation:{presentation_id}"


def _encode(presentation: Presentation) -> bytes:
    return json.dumps(asdict(presentation), default=str).encode()


def _decode(value: bytes | str) -> Presentation | None:
    try:
        fields = json.loads(value)
        return Presentation(
            **{
                **fields,
                "id": UUID(fields["id"]),
                "created_at": datetime.fromisoformat(fields["created_at"]),
            }
        )
    except (ValueError, TypeError, KeyError):
        # Written by a release with other fields; both run side by side during a rollout.
        return None


@contextmanager
def _unavailable_on_error() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise UnavailableError("redis", one_line(error)) from error
