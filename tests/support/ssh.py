"""An SSH server of a test's own on 127.0.0.1, with keys that are thrown away, and a client that knows it."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SERVER = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/id.pub
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
"""
_CLIENT = """\
Host 127.0.0.1
  IdentityFile {folder}/id
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  StrictHostKeyChecking accept-new
"""
_SEPARATION = Path("/run/sshd")
"""Without this folder a server that root starts does not."""
_PATIENCE_SECONDS = 20


def missing_for_ssh() -> str | None:
    """Return why there cannot be an SSH server here; `None` when there can."""
    if os.geteuid() != 0:
        return "only root can log in to an SSH server that root did not set up"
    absent = [tool for tool in ("sshd", "ssh", "ssh-keygen") if shutil.which(tool, path=_path()) is None]
    return f"{', '.join(absent)} is missing (Debian: openssh-server)" if absent else None


@dataclass(frozen=True)
class SshServer:
    """A server that runs."""

    folder: Path
    """Its keys, its log and the client's program."""
    port: int
    """Where it listens."""

    @property
    def address(self) -> str:
        """What `docker:host` has to say."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"

    @property
    def programs(self) -> Path:
        """A folder for the front of `PATH`: OpenSSH looks for its configuration in the user's real home only."""
        return self.folder / "bin"

    def logins(self) -> int:
        """Return how often somebody came in."""
        return (self.folder / "log").read_text(encoding="utf-8").count("Accepted publickey")


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Start a server with all it has in `folder`, and end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = SshServer(folder, probe.getsockname()[1])
    for key in ("host", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)  # noqa: S607
    (folder / "server").write_text(_SERVER.format(folder=folder, port=server.port), encoding="utf-8")
    (folder / "client").write_text(_CLIENT.format(folder=folder), encoding="utf-8")
    server.programs.mkdir()
    client = server.programs / "ssh"
    client.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/client "$@"\n', encoding="utf-8")
    client.chmod(0o755)
    made = not _SEPARATION.exists()
    _SEPARATION.mkdir(mode=0o755, exist_ok=True)
    program = shutil.which("sshd", path=_path()) or "sshd"
    with (folder / "log").open("wb") as log:
        # By its full path: it starts itself again for each connection.
        running = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "server")], stderr=log)
    try:
        _wait(server, running)
        yield server
    finally:
        running.terminate()
        running.wait()
        if made:
            _SEPARATION.rmdir()


def _wait(server: SshServer, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=1):
            return
        if running.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"sshd does not answer: {(server.folder / 'log').read_text(encoding='utf-8')}")
        time.sleep(0.1)


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
