"""Objects in a bucket, and the same as files named after their content."""

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from .config import Config
from .files import write_whole
from .problems import Problem

PART = ".part-"
"""How the name of a file begins whose object was not read to its end."""
_AT_ONCE = 8
_HTTP_CONFLICT = 409
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Stored:
    """One object."""

    key: str
    """Its name."""
    size: int
    """Bytes."""
    sha256: str
    """Checksum of its content."""
    attributes: dict[str, str]
    """Content type and metadata."""
    mark: str
    """Changes whenever the object is written: ETag and time."""


class Bucket:
    """One bucket. `store` is any store of obstore's."""

    def __init__(self, store: Any, name: str) -> None:
        self._store, self.name = store, name

    @classmethod
    def configured(cls, config: Config) -> "Bucket":
        """Return the platform's bucket."""
        env = config.variables
        return cls.at(
            env["S3_ENDPOINT"],
            env["S3_BUCKET"],
            config.secret("S3_ACCESS_KEY_FILE"),
            config.secret("S3_SECRET_KEY_FILE"),
            env["S3_REGION"],
        )

    @classmethod
    def at(cls, endpoint: str, name: str, access_key: str, secret_key: str, region: str = "us-east-1") -> "Bucket":
        """Return a bucket of an S3 service."""
        store = S3Store(
            name,
            endpoint=endpoint,
            region=region,
            access_key_id=access_key,
            secret_access_key=secret_key,
            virtual_hosted_style_request=False,
            client_options={"allow_http": endpoint.startswith("http://"), "connect_timeout": "5s", "timeout": "3600s"},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        )
        return cls(store, name)

    def marks(self) -> dict[str, str]:
        """Return every key, with what changes when its object is written.

        Raises:
            Problem: also when the bucket does not exist: an empty backup would look like a good one.
        """
        with self._explained("cannot be listed"):
            return {
                meta["path"]: f"{meta['e_tag']} {meta['size']} {meta['last_modified'].isoformat()}"
                for batch in obstore.list(self._store)
                for meta in batch
            }

    def size(self) -> int:
        """Return how many bytes all objects have together."""
        with self._explained("cannot be listed"):
            return sum(meta["size"] for batch in obstore.list(self._store) for meta in batch)

    def look(self, key: str, mark: str, into: BinaryIO | None = None) -> Stored | None:
        """Read an object, keeping its content only in a file that is given; `None` when it is not there now."""
        digest, size = hashlib.sha256(), 0
        with self._explained(f"object {key} cannot be read"):
            try:
                result = obstore.get(self._store, key)
            except FileNotFoundError:
                return None
            for chunk in result.stream(min_chunk_size=1 << 20):
                digest.update(chunk)
                size += len(chunk)
                if into is not None:
                    into.write(chunk)
            attributes = {str(name): str(value) for name, value in result.attributes.items()}
        if size != result.meta["size"]:
            raise Problem(f"object {key} of bucket {self.name} ended after {size} of {result.meta['size']} bytes")
        return Stored(key, size, digest.hexdigest(), attributes, mark)

    def fetch(self, key: str, mark: str, folder: Path) -> Stored | None:
        """Read an object into the file of `folder` that is named after its content; `None` when it is not there now."""
        part = folder / f"{PART}{abs(hash(key))}"
        try:
            with part.open("wb") as file:
                stored = self.look(key, mark, file)
            if stored is not None:
                file_of(folder, stored.sha256).parent.mkdir(exist_ok=True)
                part.replace(file_of(folder, stored.sha256))
            return stored
        finally:
            part.unlink(missing_ok=True)

    def put(self, stored: Stored, folder: Path) -> None:
        """Write an object from the file with its content."""
        with self._explained(f"object {stored.key} cannot be written"):
            obstore.put(
                self._store,
                stored.key,
                file_of(folder, stored.sha256),
                attributes=stored.attributes,
                use_multipart=None,
            )

    def remove(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        with self._explained("objects cannot be deleted"):
            for key in keys:
                obstore.delete(self._store, key)

    def make_if_missing(self) -> None:
        """Make the bucket unless it can be listed: keys that may use one need not be allowed to make one."""
        try:
            self.marks()
        except Problem:
            self.make()

    def make(self) -> None:
        """Make the bucket where there is none; the library signs the request that it has no call for."""
        with self._explained("cannot be made"):
            url = obstore.sign(self._store, "PUT", "", timedelta(minutes=1))
            request = urllib.request.Request(url, method="PUT")  # noqa: S310 - http or https, the endpoint's
            try:
                urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
            except urllib.error.HTTPError as error:
                if error.code != _HTTP_CONFLICT:
                    raise

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            if "NoSuchBucket" in str(error):
                raise Problem(f"bucket {self.name} does not exist; `make up` makes it") from None
            if "403 Forbidden" in str(error):
                # Who may not list a bucket is not told whether there is one.
                raise Problem(f"bucket {self.name} {what}: it does not exist, or these keys may not use it") from None
            raise Problem(f"bucket {self.name}: {what}: {first}") from None


def file_of(folder: Path, digest: str) -> Path:
    """Return the file for content with this checksum. Keys are no file names: they may be anything."""
    return folder / digest[:2] / digest


def copy_all(bucket: Bucket, folder: Path, known: Iterable[Stored] = ()) -> list[Stored]:
    """Bring `folder` to what is in the bucket; what is `known` and was not written since is not read again."""
    folder.mkdir(parents=True, exist_ok=True)
    unchanged = {stored.key: stored for stored in known}

    def one(item: tuple[str, str]) -> Stored | None:
        key, mark = item
        had = unchanged.get(key)
        if had is not None and had.mark == mark and file_of(folder, had.sha256).is_file():
            return had
        return bucket.fetch(key, mark, folder)

    return [stored for stored in in_parallel(one, sorted(bucket.marks().items())) if stored is not None]


def look_all(bucket: Bucket) -> list[Stored]:
    """Read everything in the bucket, and keep nothing of it."""
    looked = in_parallel(lambda item: bucket.look(*item), sorted(bucket.marks().items()))
    return [stored for stored in looked if stored is not None]


def keep_only(folder: Path, stored: Iterable[Stored]) -> None:
    """Remove every file of `folder` that none of `stored` is in."""
    wanted = {file_of(folder, item.sha256) for item in stored}
    for path in folder.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()


def in_parallel(work: Callable[[Any], _Item], items: Iterable[Any]) -> list[_Item]:
    """Do `work` for each of `items`, a few at once; the first problem ends it."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = [pool.submit(work, item) for item in items]
        try:
            return [task.result() for task in running]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def write_index(path: Path, stored: Iterable[Stored]) -> None:
    """Write one line for each object."""
    write_whole(path, "".join(json.dumps(asdict(item), sort_keys=True) + "\n" for item in stored))


def read_index(path: Path) -> list[Stored]:
    """Return the objects that an index lists; none when there is no such file.

    Raises:
        Problem: when it is damaged.
    """
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8") as file:
            return [Stored(**json.loads(line)) for line in file]
    except (ValueError, TypeError):
        raise Problem(f"{path} is no list of objects: it is damaged") from None


def differing(expected: Iterable[Stored], found: Iterable[Stored]) -> tuple[list[Stored], list[Stored]]:
    """Return the objects of `expected` that are missing or other in `found`, and those that are only in `found`."""
    wanted, got = {item.key: item for item in expected}, {item.key: item for item in found}

    def same(item: Stored) -> bool:
        other = got.get(item.key)
        return other is not None and (other.sha256, other.attributes) == (item.sha256, item.attributes)

    return [item for item in wanted.values() if not same(item)], [
        item for key, item in got.items() if key not in wanted
    ]
