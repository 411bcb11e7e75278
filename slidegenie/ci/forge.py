"""The interface of a forge (GitHub's REST interface): requests, and nothing of what they are for."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from ..console import Problem

_TIMEOUT_SECONDS = 30
_MOST_BYTES = 8 * 2**20
"""Of one answer: a page of comments has at most a hundred of 64 KiB."""
_PER_PAGE = 100
_MOST_PAGES = 30


@dataclass(frozen=True)
class Forge:
    """One repository of a forge."""

    url: str
    """Address of the interface, without a slash at its end."""
    repository: str
    """`owner/name`."""
    token: str = field(repr=False)
    """What the requests are allowed by."""

    def __post_init__(self) -> None:
        """Refuse an address that would send the token in the clear.

        Raises:
            Problem: when it is not `https`, and not this machine.
        """
        at = urlsplit(self.url)
        if at.scheme != "https" and not (at.scheme == "http" and at.hostname in ("localhost", "127.0.0.1")):
            raise Problem(f"the forge's interface must be at https, such as https://api.github.com; got {self.url}")

    def get(self, path: str, **query: str | int) -> Any:
        """Return what a path of the repository says.

        Raises:
            Problem: when the forge refuses, or does not answer.
        """
        return self._json("GET", f"{path}?{urlencode(query)}" if query else path)

    def pages(self, path: str, **query: str | int) -> Iterator[Any]:
        """Yield the items of a list, over its pages.

        Raises:
            Problem: when the forge refuses, or does not answer.
        """
        for page in range(1, _MOST_PAGES + 1):
            items = self.get(path, **query, per_page=_PER_PAGE, page=page)
            yield from items
            if len(items) < _PER_PAGE:
                return

    def post(self, path: str, body: object) -> Any:
        """Make something.

        Raises:
            Problem: when the forge refuses, or does not answer.
        """
        return self._json("POST", path, body)

    def patch(self, path: str, body: object) -> Any:
        """Change something.

        Raises:
            Problem: when the forge refuses, or does not answer.
        """
        return self._json("PATCH", path, body)

    def download(self, path: str, most: int) -> bytes | None:
        """Return the bytes of a file; `None` where it has more than `most`.

        The forge answers with the address of a store, which is not told the token.

        Raises:
            Problem: when the forge refuses, or does not answer.
        """
        content = self._ask("GET", path, most=most)
        return None if len(content) > most else content

    def _json(self, method: str, path: str, body: object = None) -> Any:
        content = self._ask(method, path, body)
        try:
            return json.loads(content)
        except ValueError:
            raise Problem(f"{method} {self.url}: the answer is no JSON of at most {_MOST_BYTES} bytes") from None

    def _ask(self, method: str, path: str, body: object = None, most: int = _MOST_BYTES) -> bytes:
        address = f"{self.url}/repos/{self.repository}/{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, method=method)  # noqa: S310 - https, see above
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("Content-Type", "application/json")
        request.add_header("User-Agent", "slidegenie")
        # A redirect leads elsewhere: the token stays here.
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                content: bytes = answer.read(most + 1)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(200).decode("utf-8", "replace")
            raise Problem(f"{method} {address}: the forge answers {error.code}: {said}") from None
        except OSError as error:
            raise Problem(f"{method} {address}: no answer: {error}") from None
        return content
