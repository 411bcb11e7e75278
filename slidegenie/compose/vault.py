"""Random values of a stack that runs without Pulumi: made once, kept in one private file, never made again."""

import base64
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.containers.secrets import FORMER_NAMES

from ..plan.record import UUID7, fixed_values, uuid7
from ..user_folder import private_folder, write_private

_LENGTH = 64


class Vault:
    """Hands out the same random bytes for a resource for ever. Who loses the file loses the passwords to the data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """The file."""

    def values(self, kind: str, name: str) -> bytes:
        """Return the random bytes of a resource, made and written down on first use."""
        key = f"{kind}/{name}"
        with self._locked():
            known = self._read()
            if key not in known and (former := _former(key)) in known:
                known[key] = known[former]
                self._write(known)
            if key not in known:
                made = secrets.token_bytes(_LENGTH)
                # The certificates of the stack start at the time in it.
                fresh = uuid7(time.time_ns() // 1_000_000, made) if kind == UUID7 else made
                known[key] = base64.b64encode(fresh).decode()
                self._write(known)
        return base64.b64decode(known[key])

    def peek(self, kind: str, name: str) -> bytes:
        """Return the random bytes of a resource that has some, else those of a plan that nobody runs; makes none."""
        known = self._read()
        found = known.get(self._key(kind, name, known), "")
        return base64.b64decode(found) if found else fixed_values(kind, name)

    def has(self, kind: str, name: str) -> bool:
        """Tell whether there are random bytes of a resource."""
        known = self._read()
        return self._key(kind, name, known) in known

    @staticmethod
    def _key(kind: str, name: str, known: Mapping[str, str]) -> str:
        """Return under which name the value of a resource is, or would be."""
        key = f"{kind}/{name}"
        former = _former(key)
        return former if former is not None and key not in known and former in known else key

    def knows(self, ending: str) -> bool:
        """Tell whether there is a value of a resource whose name ends so."""
        return any(key.endswith(ending) for key in self._read())

    def keep_only(self, ending: str) -> None:
        """Forget every value but those of resources whose name ends so."""
        with self._locked():
            kept = {key: value for key, value in self._read().items() if key.endswith(ending)}
            self._write(kept)

    def _write(self, known: Mapping[str, str]) -> None:
        write_private(self.path, json.dumps(known, indent=2, sort_keys=True) + "\n", mode=0o600)

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        known: dict[str, str] = json.loads(self.path.read_text(encoding="utf-8"))
        return known

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two runs at once must not each make a password and keep one of them."""
        private_folder(self.path.parent)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _former(key: str) -> str | None:
    """Return what a resource was called before; its value stays."""
    for name, was in FORMER_NAMES.items():
        if key.endswith(f"-{name}"):
            return key.removesuffix(name) + was
    return None
