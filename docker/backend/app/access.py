"""Who asks: bearer tokens, each with a name, and what a request brings of them.

A file holds the names and the hashes of the tokens, never a token. Plain SHA-256 is right here: a
token is 40 random letters and digits, 238 bits, so nobody can try them all, however fast the hash
is. A slow one protects passwords that people think of, and would cost each request tenths of a
second.
"""

import hashlib
import hmac
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from .errors import NotServingError, UnauthorizedError, one_line

DEFAULT_OWNER = "default"
"""Whose everything is that was made before there were tokens, or without one."""

log = structlog.get_logger(__name__)


class Token(BaseModel):
    """One entry of the file. Several may have one name: in a rotation the new and the former."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


_FILE = TypeAdapter(Annotated[list[Token], Field(min_length=1)])


def read_tokens(path: Path) -> list[Token]:
    """Read the file, or raise a `ValueError` in one line; a part of a list is none."""
    try:
        return _FILE.validate_json(path.read_bytes())
    except ValidationError:
        # What is in it is not shown: somebody may have written tokens in place of their hashes.
        raise ValueError(
            f'{path} must be a JSON list like [{{"name": "default", "sha256": "<64 hexadecimal'
            ' digits>"}]'
        ) from None


class Tokens:
    """The tokens of a file, read anew whenever it has changed: a rotation needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: list[Token] = []
        self._read_at: tuple[int, ...] | None = None
        self._problem = ""
        # Now, so that a file which is being replaced at the first request has a former one.
        self._refresh()

    def owner(self, token: str) -> str | None:
        """Return the name of a token; `None` for one that is not known."""
        self._refresh()
        presented = hashlib.sha256(token.encode()).hexdigest()
        owner = None
        # All of them, each in constant time: how long it takes says nothing of what is known.
        for known in self._known:
            if hmac.compare_digest(known.sha256, presented):
                owner = known.name
        return owner

    def _refresh(self) -> None:
        """Read the file if it has changed; while it cannot be read, what was in it counts."""
        try:
            # Asked before it is read: what is written meanwhile is read by the next request.
            status = self._path.stat()
            version = (status.st_ino, status.st_size, status.st_mtime_ns)
            if version == self._read_at:
                return
            self._known = read_tokens(self._path)
        except (OSError, ValueError) as error:
            if (problem := one_line(error)) != self._problem:
                log.warning("tokens_not_read", reason=problem)
            self._problem = problem
        else:
            self._read_at, self._problem = version, ""


class Access:
    """Decides whose a request is."""

    def __init__(self, tokens: Tokens | None, *, open_to_all: bool) -> None:
        self._tokens = tokens
        self.open_to_all = open_to_all
        """Whether everybody is answered, as one owner."""

    def owner(self, token: str | None) -> str:
        """Return whose a request is that brought this token, or raise `UnauthorizedError`.

        Where nobody said which tokens there are, nor that everybody may ask, nobody is served.
        """
        if self.open_to_all:
            return DEFAULT_OWNER
        if self._tokens is None:
            raise NotServingError(["access"], {"access": ["API_TOKENS_FILE"]})
        owner = self._tokens.owner(token) if token is not None else None
        if owner is None:
            raise UnauthorizedError(brought=token is not None)
        return owner
