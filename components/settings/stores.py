"""The settings of data stores: the platform's own, or somebody else's in their place."""

from typing import Annotated

from pydantic import Field, model_validator

from .base import Hostname, Limits, Port, Section


class ExternalPostgres(Section):
    """A PostgreSQL that somebody else runs."""

    host: Hostname
    """Name or address."""
    port: Port = 5432
    """TCP port."""
    database: str = "slidegenie"
    """Database; must exist."""
    user: str = "slidegenie"
    """Role that owns it; its password is `secrets.postgresPassword`."""
    sslmode: Annotated[str, Field(pattern="^(disable|prefer|require|verify-ca|verify-full)$")] = "require"
    """How TLS is used, as in libpq: disable, prefer, require, verify-ca or verify-full."""


class Postgres(Section):
    """PostgreSQL, service `postgres`, user and database `slidegenie`."""

    external: ExternalPostgres | None = None
    """Use this server. Default: the platform runs its own."""
    limits: Limits = Limits(memory_mib=512)
    """Limits of the container."""


class ExternalRedis(Section):
    """A Redis that somebody else runs."""

    host: Hostname
    """Name or address."""
    port: Port = 6379
    """TCP port."""
    user: str = "default"
    """ACL user; its password is `secrets.redisPassword`."""


class Redis(Section):
    """Redis, service `redis`: a cache that survives restarts."""

    external: ExternalRedis | None = None
    """Use this server. Default: the platform runs its own."""
    maxmemory_mib: Annotated[int, Field(ge=16)] = 128
    """Memory for data in MiB; the least recently used keys go first above it."""
    limits: Limits = Limits(memory_mib=256)
    """Limits of the container; must leave room above `maxmemoryMib`."""

    @model_validator(mode="after")
    def _maxmemory_fits(self) -> "Redis":
        if self.maxmemory_mib > (most := self.limits.memory_mib * 3 // 4):
            raise ValueError(
                f"maxmemoryMib must be at most three quarters of limits.memoryMib ({most}),"
                f" the rest is for snapshots; got {self.maxmemory_mib}"
            )
        return self


class ExternalStorage(Section):
    """An S3 endpoint that somebody else runs."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[^/\s]+$", examples=["https://s3.eu-central-1.amazonaws.com"])]
    """URL without a path."""
    region: str = "us-east-1"
    """Region name the requests are signed for."""


class Storage(Section):
    """S3-compatible object storage, service `minio`."""

    external: ExternalStorage | None = None
    """Use this endpoint, with `secrets.storageAccessKey` and `secrets.storageSecretKey`. Default: the platform runs
    MinIO."""
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "slidegenie"
    """Bucket; made when it is missing."""
    limits: Limits = Limits(memory_mib=512)
    """Limits of the container."""
