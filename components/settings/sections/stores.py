"""The settings of data stores: the platform's own, or somebody else's in their place."""

import enum
import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..addresses import EndpointUrl, Host, Port, is_plain_address
from ..base import Limits, Section
from ..errors import must_be
from ..texts import Certificates

_LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL; it cuts off what is longer."""


def _is_postgres_name(value: str) -> bool:
    return bool(re.fullmatch(r"[^\x00-\x1f\x7f]+", value)) and 0 < len(value.strip().encode()) <= _LONGEST_NAME


def _bucket_problem(value: str) -> str | None:
    """Go by the rules of S3, https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    if re.search(r"\.[.-]|-\.", value):
        return "a dot stands between letters or digits"
    if is_plain_address(value):
        return "an address is no name"
    if value.startswith(("xn--", "sthree-")) or value.endswith(("-s3alias", "--ol-s3")):
        return "S3 keeps names that begin or end so for itself"
    return None


_PostgresName = Annotated[str, must_be(f"a name of 1 to {_LONGEST_NAME} bytes in one line", fits=_is_postgres_name)]
_RedisUser = Annotated[str, must_be("a user's name without spaces", fits=re.compile(r"[!-~]+").fullmatch)]
_BUCKET = "3 to 63 lower-case letters, digits, dots and dashes, with a letter or digit at both ends, like decks"
_Bucket = Annotated[
    str,
    must_be(_BUCKET, fits=re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]").fullmatch),
    must_be(_BUCKET, problem=_bucket_problem),
]


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

    def _broken(self) -> Iterator[str]:
        if self.root_certificate is not None and not self.sslmode.verifies:
            yield f"rootCertificate has no use with sslmode '{self.sslmode.value}'; set it to verify-full, or remove it"


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
    user: _RedisUser = "default"
    """ACL user; its password is `secrets.redisPassword`."""


class RedisSettings(Section):
    """Redis, service `redis`: a cache that survives restarts."""

    external: ExternalRedis | None = None
    """Use this server. Default: the platform runs its own."""
    maxmemory_mib: Annotated[int, Field(ge=16, le=1_048_576)] = 128
    """Memory for data in MiB; the least recently used keys go first above it."""
    limits: Limits = Limits(memory_mib=256)
    """Limits of the container; must leave room above `maxmemoryMib`."""

    def _broken(self) -> Iterator[str]:
        if self.maxmemory_mib > (most := self.limits.memory_mib * 3 // 4):
            yield (
                f"maxmemoryMib must be at most three quarters of limits.memoryMib ({most}),"
                f" the rest is for snapshots; got {self.maxmemory_mib}"
            )


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
    bucket: _Bucket = "slidegenie"
    """Bucket; made when it is missing."""
    limits: Limits = Limits(memory_mib=512)
    """Limits of the container."""
