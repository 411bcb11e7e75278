"""Everything the environment decides, read once at start and checked before anything else runs."""

import errno
import os
import ssl
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .access import read_tokens


class SettingsError(Exception):
    """The environment cannot be used; the message is one line that names the variables."""


class LogLevel(StrEnum):
    """How much is logged to standard output."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class SslMode(StrEnum):
    """TLS towards PostgreSQL, in the words of libpq."""

    DISABLE = "disable"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class Settings(BaseSettings):
    """One field per environment variable, under the same name in upper case.

    A dependency is configured by naming where it is (`DATABASE_HOST`, `REDIS_HOST`, `S3_ENDPOINT`).
    Secrets are files, read whenever a connection is made, so that a rotation needs no restart.
    """

    # Compose and orchestrators pass unset variables as empty strings; both mean "the default".
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    database_host: Name | None = None
    database_port: Port = 5432
    database_name: Name = "slidegenie"
    database_user: Name = "slidegenie"
    database_password_file: Path | None = None
    """Without it no password is sent, which suits `trust` and certificate logins only."""
    database_sslmode: SslMode = SslMode.PREFER
    database_sslrootcert: Path | None = None
    """PEM certificates that the server's is trusted by. Default: the public authorities."""

    redis_host: Name | None = None
    redis_port: Port = 6379
    redis_user: Name = "slidegenie"
    redis_password_file: Path | None = None
    """Without it the server is used without a login, `REDIS_USER` included."""
    redis_tls: bool = False

    s3_endpoint: str | None = None
    s3_region: Name = "us-east-1"
    s3_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "slidegenie"
    s3_access_key_file: Path | None = None
    s3_secret_key_file: Path | None = None

    api_tokens_file: Path | None = None
    """JSON file with names and hashes of the tokens, see `app.access`. Without it nobody is served,
    but with `API_OPEN`."""
    api_open: bool = False
    """Whether everybody is answered without a token, for development."""
    api_quota_mib: Annotated[int, Field(ge=1, le=1_048_576)] = 10_240
    """What the presentations of one token's name may take in the bucket."""
    build_queue: Annotated[int, Field(ge=0, le=1000)] = 16
    """Presentations that may wait to be built, per worker; the next one is answered 503 at once.
    One takes up to a second, so what waits is done within `SHUTDOWN_SECONDS`."""

    port: Port = 8000
    web_workers: Annotated[int, Field(ge=1, le=64)] = 2
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = 5
    """After SIGTERM: how long requests are still served while health checks already fail."""
    shutdown_seconds: Annotated[int, Field(ge=1, le=3600)] = 20
    """After that: how long requests in flight may take to finish."""
    migrate_wait_seconds: Annotated[float, Field(ge=0, le=3600)] = 60
    forwarded_allow_ips: str = "127.0.0.1"
    """Proxies whose `X-Forwarded-*` headers are believed: addresses or networks, by commas."""
    log_level: LogLevel = LogLevel.INFO
    release: Name = "unknown"
    runtime_dir: Path = Path("/run/app")
    """Writable, private and empty after a restart; a tmpfs in the container."""

    @field_validator("s3_endpoint")
    @classmethod
    def _endpoint_is_an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(
                f"must be a scheme, a host and a port, like http://minio:9000; got {value!r}"
            )
        return value.rstrip("/")

    @field_validator(
        "database_password_file", "redis_password_file", "s3_access_key_file", "s3_secret_key_file"
    )
    @classmethod
    def _secret_can_be_read(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                read_secret(value)
            except OSError as error:
                raise ValueError(f"cannot read {value}: {error.strerror or error}") from None
        return value

    @field_validator("api_tokens_file")
    @classmethod
    def _tokens_can_be_read(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                read_tokens(value)
            except OSError as error:
                raise ValueError(f"cannot read {value}: {error.strerror or error}") from None
        return value

    @field_validator("database_sslrootcert")
    @classmethod
    def _certificates_can_be_read(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.create_default_context(cafile=value)
            except OSError as error:
                raise ValueError(f"no certificates in {value}: {error.strerror or error}") from None
        return value

    @model_validator(mode="after")
    def _object_store_has_keys(self) -> Self:
        if self.s3_endpoint and not (self.s3_access_key_file and self.s3_secret_key_file):
            raise ValueError("S3_ENDPOINT needs S3_ACCESS_KEY_FILE and S3_SECRET_KEY_FILE")
        return self

    def missing(self) -> dict[str, list[str]]:
        """Return the settings still to be given, by dependency; empty when all are configured."""
        needed: dict[str, dict[str, object]] = {
            "postgresql": {"DATABASE_HOST": self.database_host},
            "redis": {"REDIS_HOST": self.redis_host},
            "s3": {
                "S3_ENDPOINT": self.s3_endpoint,
                "S3_ACCESS_KEY_FILE": self.s3_access_key_file,
                "S3_SECRET_KEY_FILE": self.s3_secret_key_file,
            },
        }
        unset = {
            dependency: [name for name, value in names.items() if value is None]
            for dependency, names in needed.items()
        }
        return {dependency: names for dependency, names in unset.items() if names}


def load_settings() -> Settings:
    """Read the environment, or raise a `SettingsError` that fits on one line."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_problems(error))) from None


def _problems(error: ValidationError) -> list[str]:
    found = []
    for problem in error.errors(include_url=False):
        name = "".join(str(part) for part in problem["loc"]).upper()
        message = problem["msg"].removeprefix("Value error, ").replace("Input should", "should")
        # Values are shown because nothing secret is ever in one: secrets come as files.
        value = os.environ.get(name, "")
        got = f"; got {value!r}" if value and value not in message else ""
        found.append(f"{name}: {message}{got}" if name else message)
    return found


def read_secret(path: Path) -> str:
    """Read one secret; an editor's newline at its end is not part of it."""
    secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    if not secret:
        raise OSError(errno.EINVAL, "the file is empty", str(path))
    return secret
