"""Redis: its snapshot over the protocol of replication, and back the same way."""

import socket
import time
from pathlib import Path
from typing import BinaryIO

from .config import Config
from .problems import Problem
from .process import run
from .rdb import check

_PORT = 6399
_PATIENCE_SECONDS = 120
_BLOCK = 1 << 20


class Cache:
    """The platform's Redis, as a user that may take and give snapshots."""

    def __init__(self, config: Config) -> None:
        env = config.variables
        self._host, self._port = env["REDIS_HOST"], int(env["REDIS_PORT"])
        self._user = env["BACKUP_REDIS_USER"]
        self._password = config.secret("BACKUP_REDIS_PASSWORD_FILE")

    def save(self, path: Path) -> int:
        """Write a snapshot to `path` and return the number of keys about then."""
        keys = int(self._cli("DBSIZE", task="Redis cannot be asked").strip())
        self._cli("--rdb", str(path), task="Redis gives no snapshot")
        check(path)
        return keys

    def load(self, path: Path) -> None:
        """Make Redis hold what is in the snapshot, and nothing else.

        For a moment it becomes the replica of a server that knows nothing but how to hand the snapshot over. Redis
        reads it with its own code and switches at once; no file is touched, so it works wherever Redis runs.
        """
        with socket.create_server(("0.0.0.0", _PORT)) as server:  # noqa: S104 - for one peer, see _accept
            server.settimeout(_PATIENCE_SECONDS)
            self._cli("REPLICAOF", self._own_address(), str(_PORT), task="Redis takes no snapshot")
            try:
                with self._accept(server) as peer:
                    _serve(peer, path)
                    self._wait()
            except TimeoutError:
                raise Problem("Redis did not come to take the snapshot") from None
            finally:
                self._cli("REPLICAOF", "NO", "ONE", task="Redis stays a replica; restart it")

    def empty(self) -> None:
        """Forget everything: a cache of other data is worse than none. Also ends a `load` that was killed."""
        self._cli("REPLICAOF", "NO", "ONE", task="Redis cannot be emptied")
        self._cli("FLUSHALL", task="Redis cannot be emptied")

    def _accept(self, server: socket.socket) -> socket.socket:
        known = {str(info[4][0]) for info in socket.getaddrinfo(self._host, None)}
        while True:
            peer, address = server.accept()
            if address[0] in known:
                peer.settimeout(_PATIENCE_SECONDS)
                return peer
            peer.close()

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while "master_link_status:up" not in self._cli("INFO", "replication", task="Redis cannot be asked"):
            if time.monotonic() > deadline:
                raise Problem("Redis did not take the snapshot; its log says why: docker compose logs redis")
            time.sleep(0.1)

    def _own_address(self) -> str:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect((self._host, self._port))
                return str(probe.getsockname()[0])
        except OSError as error:
            raise Problem(f"Redis takes no snapshot: {self._host} cannot be found: {error.strerror}") from None

    def _cli(self, *args: str, task: str) -> str:
        at = ["redis-cli", "-e", "-h", self._host, "-p", str(self._port), "--user", self._user, "--no-auth-warning"]
        return run([*at, *args], {"REDISCLI_AUTH": self._password}, task=task)


def _serve(peer: socket.socket, path: Path) -> None:
    """Answer a replica until it asks for the data, then send the snapshot."""
    replies = peer.makefile("rb")
    while True:
        words = _command(replies)
        if words[0] == b"PSYNC":
            break
        peer.sendall(b"+PONG\r\n" if words[0] == b"PING" else b"+OK\r\n")
    peer.sendall(b"+FULLRESYNC " + b"0" * 39 + b"1 0\r\n" + f"${path.stat().st_size}\r\n".encode())
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            peer.sendall(block)


def _command(replies: BinaryIO) -> list[bytes]:
    """Read one command as Redis sends it: the number of words, then each with its length."""
    line = replies.readline().strip()
    if not line.startswith(b"*"):
        raise Problem(f"Redis asked for the snapshot in a way that is not known here: {line[:40]!r}")
    words = []
    for _ in range(int(line[1:])):
        length = int(replies.readline()[1:])
        words.append(replies.read(length + 2)[:-2])
    return [words[0].upper(), *words[1:]]
