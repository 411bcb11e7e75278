"""The settings of data stores: the platform's own, or somebody else's in their place."""

import enum
import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from ..addresses import EndpointUrl, Host, Port
from ..base import Limits, Section
from ..errors import refused
from ..texts import Certificates

_LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL; it cuts off what is longer."""


def _postgres_name(value: str) -> str:
    if not re.fullmatch(r"[^\x00-\x1f\x7f]+", value) or not 0 < len(value.strip().encode()) <= _LONGEST_NAME:
        raise refused(f"a name of 1 to {_LONGEST_NAME} bytes in one line", value)
    return value


def _redis_user(value: str) -> str:
    if not re.fullmatch(r"[!-~]+", value):
        raise refused("a user's name without spaces", value)
    return value


def _bucket(value: str) -> str:
    """Check a name by the rules of S3, https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    wanted = "3 to 63 lower-case letters, digits, dots and dashes, with a letter or digit at both ends, like decks"
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value):
        raise refused(wanted, value)
    if re.search(r"\.[.-]|-\.", value):
        raise refused(wanted, value, "a dot stands between letters or digits")
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        pass
    else:
        raise refused(wanted, value, "an address is no name")
    if value.startswith(("xn--", "sthree-")) or value.endswith(("-s3alias", "--ol-s3")):
        raise refused(wanted, value, "S3 keeps names that begin or end so for itself")
    return value


_PostgresName = Annotated[str, AfterValidator(_postgres_name)]


class SslMode(enum.Enum):
    """How TLS is used towards PostgreSQL, in the words of libpq."""

    DISABLE = "disable"
    """Not at all."""
    PREFER = "prefer"
    """If the server can; nobody is told when it cannot."""
    REQUIRE = "require"
    """Always, with whoever answers."""
    VERIFY_CA = "verify-ca"
    """Always, with a server whose certificate is trusted."""
    VERIFY_FULL = "verify-full"
    """The same, and the certificate is for its host name."""

    @property
    def verifies(self) -> bool:
        """Whether a certificate has to be trusted."""
        return self in (SslMode.VERIFY_CA, SslMode.VERIFY_FULL)


class ExternalPostgres(Section):
    """A PostgreSQL that somebody else runs."""

    host: Host
    """Name or address."""
    port: Port = 5432
    """TCP port."""
    database: _PostgresName = "slidegenie"
    """Database; must exist."""
    user: _PostgresName = "slidegenie"
    """Role that owns it; its password is `secrets.postgresPassword`."""
    sslmode: SslMode = SslMode.REQUIRE
    """How TLS is used, as in libpq."""
    root_certificate: Certificates | None = None
    """PEM certificates that the server's is trusted by, with `sslmode: verify-ca` or `verify-full`; application,
    migrations and backups get them, as the file in `DATABASE_SSLROOTCERT`. Default: the public authorities."""

    @model_validator(mode="after")
    def _trust_has_a_use(self) -> "ExternalPostgres":
        if self.root_certificate is not None and not self.sslmode.verifies:
            raise ValueError(
                f"rootCertificate has no use with sslmode '{self.sslmode.value}'; set it to verify-full, or remove it"
            )
        return self


class PostgresSettings(Section):
    """PostgreSQL, service `postgres`, user and database `slidegenie`."""

    external: ExternalPostgres | None = None
    """Use this server. Default: the platform runs its own."""
    limits: Limits = Limits(memory_mib=512)
    """Limits of the container."""


class ExternalRedis(Section):
    """A Redis that somebody else runs."""

    host: Host
    """Name or address."""
    port: Port = 6379
    """TCP port."""
    user: Annotated[str, AfterValidator(_redis_user)] = "default"
    """ACL user; its password is `secrets.redisPassword`."""


class RedisSettings(Section):
    """Redis, service `redis`: a cache that survives restarts."""

    external: ExternalRedis | None = None
    """Use this server. Default: the platform runs its own."""
    maxmemory_mib: Annotated[int, Field(ge=16, le=1_048_576)] = 128
    """Memory for data in MiB; the least recently used keys go first above it."""
    limits: Limits = Limits(memory_mib=256)
    """Limits of the container; must leave room above `maxmemoryMib`."""

    @model_validator(mode="after")
    def _maxmemory_fits(self) -> "RedisSettings":
        if self.maxmemory_mib > (most := self.limits.memory_mib * 3 // 4):
            raise ValueError(
                f"maxmemoryMib must be at most three quarters of limits.memoryMib ({most}),"
                f" the rest is for snapshots; got {self.maxmemory_mib}"
            )
        return self


class ExternalStorage(Section):
    """An S3 endpoint that somebody else runs."""

    endpoint: EndpointUrl
    """URL without a path."""
    region: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", examples=["eu-central-1"])] = "us-east-1"
    """Region name the requests are signed for."""


class StorageSettings(Section):
    """S3-compatible object storage, service `minio`."""

    external: ExternalStorage | None = None
    """Use this endpoint, with `secrets.storageAccessKey` and `secrets.storageSecretKey`. Default: the platform runs
    MinIO."""
    bucket: Annotated[str, AfterValidator(_bucket)] = "slidegenie"
    """Bucket; made when it is missing."""
    limits: Limits = Limits(memory_mib=512)
    """Limits of the container."""
