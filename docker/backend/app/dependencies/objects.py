"""The files, in a bucket of any S3-compatible service."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from ..errors import UnavailableError, one_line
from ..model import ANSWER_SECONDS, File
from ..settings import Settings, read_secret

if TYPE_CHECKING:
    from obstore.store import S3Credential

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
CHUNK_BYTES = 256 * 1024


def create_store(settings: Settings) -> S3Store:
    """Create a client for the bucket; it is not contacted yet."""
    return S3Store(
        settings.s3_bucket,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        # MinIO and most others serve `host/bucket`; `bucket.host` needs a wildcard DNS entry.
        virtual_hosted_style_request=False,
        credential_provider=_credentials(settings),
        client_options={
            "allow_http": (settings.s3_endpoint or "").startswith("http://"),
            "connect_timeout": timedelta(seconds=ANSWER_SECONDS),
            "read_timeout": timedelta(seconds=ANSWER_SECONDS),
            # Covers a whole download at the speed of the caller, hence generous.
            "timeout": "300s",
        },
        retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=2)},
    )


def _credentials(settings: Settings) -> "Callable[[], S3Credential]":
    access_key_file, secret_key_file = settings.s3_access_key_file, settings.s3_secret_key_file
    if access_key_file is None or secret_key_file is None:
        raise ValueError("S3_ACCESS_KEY_FILE and S3_SECRET_KEY_FILE are needed")

    def read() -> "S3Credential":
        return {
            "access_key_id": read_secret(access_key_file),
            "secret_access_key": read_secret(secret_key_file),
            # The client asks again after this, so rotated keys need no restart.
            "expires_at": datetime.now(UTC) + timedelta(minutes=6),
        }

    return read


class S3Objects:
    """The object store on S3."""

    name = "s3"

    def __init__(self, store: S3Store) -> None:
        self._store = store

    async def check(self) -> None:
        """List nothing: that needs the endpoint, valid keys and the bucket."""
        with _unavailable_on_error():
            await obstore.list(self._store, "health-check/", chunk_size=1).collect_async()

    async def close(self) -> None:
        """Do nothing: the client closes its connections when it is dropped."""

    async def put(self, key: str, content: bytes) -> None:
        """Store a file under its content type."""
        with _unavailable_on_error():
            await obstore.put_async(
                self._store, key, content, attributes={"Content-Type": CONTENT_TYPE}
            )

    async def open(self, key: str) -> File:
        """Start reading a file; raises before the first byte if it cannot be read."""
        with _unavailable_on_error():
            result = await obstore.get_async(self._store, key)
        return File(result.meta["size"], _chunks(result.stream(CHUNK_BYTES)))

    async def delete(self, key: str) -> None:
        """Delete a file."""
        with _unavailable_on_error():
            await obstore.delete_async(self._store, key)

    async def create_bucket(self) -> None:
        """Create the bucket if there is none.

        The library has no call for it, but signs any request: PUT on the bucket itself creates it.
        """
        with _unavailable_on_error():
            url = await obstore.sign_async(self._store, "PUT", "", timedelta(minutes=1))
            await asyncio.to_thread(_put, url)


async def _chunks(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    with _unavailable_on_error():
        async for chunk in stream:
            # The library's own buffer type; servers want plain bytes.
            yield bytes(chunk)


def _put(url: str) -> None:
    request = urllib.request.Request(url, method="PUT")  # noqa: S310 - the scheme was checked
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        body = error.read(2000).decode(errors="replace")
        if error.code == HTTPStatus.CONFLICT and "BucketAlreadyOwnedByYou" in body:
            return
        raise OSError(f"the bucket cannot be created: HTTP {error.code}") from None


@contextmanager
def _unavailable_on_error() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError, TimeoutError) as error:
        # FileNotFoundError is an OSError, and right here: a record promises the file is there,
        # and a missing bucket is an outage.
        raise UnavailableError("s3", one_line(error)) from error
