"""A second Docker engine in network and mount namespaces of its own, for tests that the machine's engine must survive.

It is killed, filled up and cleaned without regard; the first engine, its containers, its bridge and its firewall rules
are out of its reach: it sees another network, another `/run`, and keeps all it has in one file.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

_CLONE_NEWNET = 0x40000000
_PATIENCE_SECONDS = 60
_CGROUP = "slidegenie-own-engine"
_ENGINE_GIB = 12
"""Of a sparse file: what is not written takes no room."""
_Answer = TypeVar("_Answer")


def missing_for_own_engine() -> str | None:
    """Say why there cannot be a second engine here, or return `None` when there can."""
    if os.geteuid() != 0:
        return "only root can start a second Docker engine"
    if absent := [
        tool
        for tool in ("dockerd", "containerd", "unshare", "nsenter", "ip", "mkfs.ext4")
        if shutil.which(tool) is None
    ]:
        return f"a second Docker engine needs {', '.join(absent)}"
    # Everything it is going to need, tried for real: containers that run tests may be forbidden any of it.
    tried = ["unshare", "--net", "--mount", "sh", "-c", "ip link set lo up && mount -t tmpfs tmpfs /run"]
    done = subprocess.run(tried, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"namespaces cannot be had here: {done.stderr.strip()}"
    return None if Path("/dev/loop-control").exists() else "loop devices cannot be had here"


@dataclass
class OwnEngine:
    """One engine; `start` may be called again after `kill`."""

    folder: Path
    """Everything of it: keep the path short, the name of a socket has at most 107 characters."""
    data_mib: int
    """Size of the disk at `data_root`."""
    first: str = field(default_factory=lambda: os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    """The machine's engine, which images come from."""
    _holder: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _containerd: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _daemon: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def host(self) -> str:
        """What `DOCKER_HOST` must say."""
        return f"unix://{self.folder}/docker.sock"

    @property
    def data_root(self) -> Path:
        """A small disk of its own for the platform's data, as the engine sees it."""
        return self.folder / "data"

    def open(self) -> None:
        """Make the namespaces and the disks in them; they vanish with the process that holds them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        disks = {"engine": _ENGINE_GIB * 1024, "data": self.data_mib}
        script = ["mount --make-rprivate /", "mount -t tmpfs tmpfs /run", "ip link set lo up"]
        for name, mib in disks.items():
            (self.folder / name).mkdir(exist_ok=True)
            image = self.folder / f"{name}.img"
            with image.open("wb") as file:
                file.truncate(mib * 2**20)
            _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
            script.append(f"mount -o loop {image} {self.folder / name}")
        script += [f"touch {self.folder}/held", "exec sleep infinity"]
        holder = ["unshare", "--net", "--mount", "sh", "-ec", "\n".join(script)]
        with (self.folder / "holder.log").open("wb") as log:
            self._holder = subprocess.Popen(holder, stderr=log)
        self._wait((self.folder / "held").exists, "the namespaces are there", self._holder)

    def start(self) -> None:
        """Start the engine and wait until it answers. containerd is a service of its own, as distributions have it."""
        if self._containerd is None:
            places = [f"--root={self.folder}/engine/containerd", f"--state={self.folder}/state"]
            self._containerd = self._spawn("containerd", *places, f"--address={self._address}")
            self._wait(self._address.exists, "containerd is there", self._containerd)
        # A daemon that was killed leaves its pid file, and the next one refuses to start beside it.
        (self.folder / "docker.pid").unlink(missing_ok=True)
        (self.folder / "daemon.json").write_text("{}", encoding="utf-8")
        self._daemon = self._spawn(
            *("dockerd", f"--data-root={self.folder}/engine", f"--exec-root={self.folder}/exec"),
            *(f"--pidfile={self.folder}/docker.pid", f"--config-file={self.folder}/daemon.json"),
            *(f"--containerd={self._address}", f"--cgroup-parent=/{_CGROUP}"),
            # The second socket is where containers look for it: on the `/run` that only this engine has.
            *(f"--host={self.host}", "--host=unix:///run/docker.sock"),
        )
        asked = ["docker", "--host", self.host, "version"]
        self._wait(
            lambda: subprocess.run(asked, capture_output=True, check=False).returncode == 0,
            "the second engine answers",
            self._daemon,
        )

    def kill(self) -> None:
        """End the engine as a crash would."""
        assert self._daemon is not None
        self._daemon.kill()
        self._daemon.wait(timeout=_PATIENCE_SECONDS)

    def close(self) -> None:
        """Stop it and leave nothing behind: no process, no mount, no file."""
        for process in (self._daemon, self._containerd):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(timeout=_PATIENCE_SECONDS)
        if self._holder is not None:
            for pid in _processes_of(self._holder.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._holder.wait(timeout=_PATIENCE_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str) -> str:
        """Run a command where the engine is: with its network and its disks."""
        return _run(*self._inside(*command))

    def load(self, images: Iterable[str]) -> None:
        """Copy images over from the machine's engine."""
        saving = ["docker", "--host", self.first, "save", *images]
        loading = ["docker", "--host", self.host, "load", "--quiet"]
        with subprocess.Popen(saving, stdout=subprocess.PIPE) as save:
            subprocess.run(loading, stdin=save.stdout, stdout=subprocess.DEVNULL, check=True)
        assert save.returncode == 0

    def enter(self) -> None:
        """Take the calling thread, and only it, into the engine's network."""
        assert self._holder is not None
        with Path(f"/proc/{self._holder.pid}/ns/net").open("rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def inside(self, question: Callable[[], _Answer]) -> _Answer:
        """Call something that talks to the network, in the engine's."""
        with ThreadPoolExecutor(1, initializer=self.enter) as thread:
            return thread.submit(question).result()

    @property
    def _address(self) -> Path:
        return self.folder / "containerd.sock"

    def _spawn(self, *command: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            return subprocess.Popen(self._inside(*command), stdout=log, stderr=log, start_new_session=True)

    def _inside(self, *command: str) -> list[str]:
        assert self._holder is not None
        return ["nsenter", f"--target={self._holder.pid}", "--net", "--mount", *command]

    def _wait(self, true: Callable[[], bool], what: str, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not true():
            alive = process.poll() is None and time.monotonic() < deadline
            assert alive, f"not true that {what}: {[log.read_text()[-800:] for log in self.folder.glob('*.log')]}"
            time.sleep(0.2)


def _processes_of(holder: int) -> list[int]:
    """Return what lives in the holder's namespace, and the containers: those have one of their own, and our cgroup."""
    namespace = Path(f"/proc/{holder}/ns/mnt").readlink()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = f"/{_CGROUP}/" in (folder / "cgroup").read_text(encoding="ascii")
            if ours or (folder / "ns" / "mnt").readlink() == namespace:
                found.append(int(folder.name))
    return found


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
