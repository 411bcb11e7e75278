"""The real clients, without their services: they give up soon, and they read secrets anew."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from app.dependencies import cache
from app.dependencies.connect import connect
from app.dependencies.database import tls
from app.errors import UnavailableError
from app.model import Dependency, Presentation
from app.settings import Settings, SslMode


def check(dependency: Dependency) -> str:
    """Return why the dependency is not available."""

    async def scenario() -> str:
        with pytest.raises(UnavailableError) as error:
            await dependency.check()
        await dependency.close()
        assert error.value.dependencies == [dependency.name]
        return error.value.reason

    return asyncio.run(scenario())


@pytest.fixture
def nobody() -> Iterator[int]:
    """Return a port that refuses connections."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """Return a port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


_ROOT = """\
-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIUNO2XgJlS746lJjkE5Wak0cP4H44wCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMRXhhbXBsZSByb290MCAXDTI2MTEyNzE3NDcwNFoYDzIxMjYx
MTAzMTc0NzA0WjAXMRUwEwYDVQQDDAxFeGFtcGxlIHJvb3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAATos2QakY427M5iXEe6PkK5I/vluuIxFi2S0DO2bTFYkNtX
rx+ZXEXUL8fFuKOvUDnwCS8pDcs/zuqTzp/VeV7So1MwUTAdBgNVHQ4EFgQUK2bj
rF6IEBsQtO8Y/rzI21O2UqcwHwYDVR0jBBgwFoAUK2bjrF6IEBsQtO8Y/rzI21O2
UqcwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAuGyabEwaeEOx
fHxjCHzwoo4ls6HtLxJFV7TeQpB2rFUCIFQA2ob5KzZqWOMHplGNSnfVxyMxBq8v
4jLeBowwogVe
-----END CERTIFICATE-----
"""
"""A certificate of nobody's."""


@pytest.mark.parametrize("mode", [SslMode.VERIFY_CA, SslMode.VERIFY_FULL])
def test_a_database_is_trusted_by_the_given_certificate_alone(
    tmp_path: Path, mode: SslMode
) -> None:
    given = tmp_path / "root.pem"
    given.write_text(_ROOT)
    context = tls(Settings(database_sslmode=mode, database_sslrootcert=given))

    assert isinstance(context, ssl.SSLContext)
    assert context.get_ca_certs(binary_form=True) == [ssl.PEM_cert_to_DER_cert(_ROOT)]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is (mode is SslMode.VERIFY_FULL)


def test_a_database_that_is_not_verified_needs_no_certificate() -> None:
    assert tls(Settings(database_sslmode=SslMode.REQUIRE)) == "require"


def settings_for(port: int, tmp_path: Path) -> Settings:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    return Settings(
        database_host="127.0.0.1",
        database_port=port,
        database_password_file=secret,
        redis_host="127.0.0.1",
        redis_port=port,
        redis_password_file=secret,
        s3_endpoint=f"http://127.0.0.1:{port}",
        s3_access_key_file=secret,
        s3_secret_key_file=secret,
    )


@pytest.mark.parametrize("index", [0, 1, 2], ids=["postgresql", "redis", "s3"])
def test_a_refused_connection_is_reported_at_once(nobody: int, tmp_path: Path, index: int) -> None:
    dependency = connect(settings_for(nobody, tmp_path)).configured()[index]
    started = time.monotonic()

    reason = check(dependency)

    assert reason
    assert "\n" not in reason
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("index", [0, 1], ids=["postgresql", "redis"])
def test_a_service_that_hangs_is_given_up(silent: int, tmp_path: Path, index: int) -> None:
    dependency = connect(settings_for(silent, tmp_path)).configured()[index]
    started = time.monotonic()

    check(dependency)

    assert time.monotonic() - started < 30


def test_a_rotated_password_is_used_for_the_next_connection(tmp_path: Path) -> None:
    """Read what the Redis client sends as its login, before and after the file changes."""
    logins = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        logins.append(await reader.read(1000))
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        settings = settings_for(server.sockets[0].getsockname()[1], tmp_path)
        client = cache.RedisCache(cache.create_client(settings))
        for password in ("first-password", "second-password"):
            (tmp_path / "secret").write_text(password)
            with pytest.raises(UnavailableError):
                await client.check()
        await client.close()
        server.close()
        await server.wait_closed()

    asyncio.run(scenario())

    assert b"slidegenie" in logins[0]
    assert b"first-password" in logins[0]
    assert b"second-password" in logins[-1]


def test_only_what_is_configured_is_connected() -> None:
    dependencies = connect(Settings(redis_host="redis"))

    assert [dependency.name for dependency in dependencies.configured()] == ["redis"]


RECORD = Presentation(
    id=uuid4(),
    owner="me",
    title="Tür \U0001f600",
    subtitle=None,
    slide_count=2,
    size_bytes=3,
    sha256="00",
    created_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
)


def test_a_record_survives_the_cache() -> None:
    assert cache._decode(cache._encode(RECORD)) == RECORD


@pytest.mark.parametrize("value", [b"{}", b"[]", b"not json", b'{"id": "x"}', b"null"])
def test_a_record_of_another_release_is_as_good_as_none(value: bytes) -> None:
    assert cache._decode(value) is None
