"""A stack whose file names an engine behind SSH: every question goes there, by a real SSH server on this machine."""

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

import pulumi
import pytest

from components.containers.existing_data import Place
from components.containers.foundation import process_limit_hook
from components.core.engine import DockerEngine
from slidegenie.console import Problem
from slidegenie.context import Context
from slidegenie.engine.docker import containers, docker
from slidegenie.engine.ownership import remains
from slidegenie.engine.start import ensure_engine
from slidegenie.plan import record
from slidegenie.runner import RunnerKind

from ..support.workspace import missing_for_engine_tests

# ---------------------------------------------------------------------------- SSH
# An SSH server of a test's own on 127.0.0.1, with keys that are thrown away, and a client that knows it.


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


# ---------------------------------------------------------------------------- tests


LABEL = "slidegenie/behindssh"
NAME = "slidegenie-behindssh"
NOWHERE = "unix:///nowhere/docker.sock"
"""What this machine's own words lead to: who follows them sees nothing."""


@pytest.fixture(scope="module")
def image() -> str:
    """An image with a shell that is here already."""
    if reason := missing_for_engine_tests() or missing_for_ssh():
        pytest.skip(reason)
    listed = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return next(name for name in listed if name.split(":")[0].endswith(("debian", "seed", "busybox")))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[SshServer]:  # noqa: ARG001 - skips
    with ssh_server(tmp_path_factory.mktemp("ssh")) as running:
        yield running


@pytest.fixture(scope="module")
def there(image: str) -> Iterator[str]:
    """A container of the stack, and a volume of its data."""
    labels = ("--label", f"io.slidegenie.stack={LABEL}")
    made: list[tuple[str, ...]] = [
        ("volume", "create", *labels, "--label", "io.slidegenie.data=postgres", NAME),
        ("run", "--detach", "--init", "--name", NAME, *labels, "--volume", f"{NAME}:/data", image, "sleep", "600"),
        ("exec", "--user=0", NAME, "touch", "/data/PG_VERSION"),
    ]
    for command in made:
        subprocess.run(["docker", *command], capture_output=True, check=True)  # noqa: S607
    yield NAME
    for removal in (("rm", "--force", NAME), ("volume", "rm", NAME)):
        subprocess.run(["docker", *removal], capture_output=True, check=True)  # noqa: S607


@pytest.fixture(autouse=True)
def stack(tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stack whose file says where; the environment says something else."""
    (tmp_path / "Pulumi.yaml").write_text("name: slidegenie\nruntime: python\n")
    (tmp_path / "Pulumi.behindssh.yaml").write_text(f"config:\n  docker:host: {server.address}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(server.programs), prepend=":")
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    return "behindssh"


def test_a_command_asks_the_engine_of_the_stack_file_and_says_who_was_not_asked(
    stack: str, server: SshServer, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = server.logins()
    assert Context.of(stack).kind is RunnerKind.PULUMI
    assert f"the Docker engine is {server.address}, says docker:host in Pulumi" in capsys.readouterr().err
    ensure_engine()
    assert [container["Name"] for container in containers(LABEL)] == [f"/{there}"]
    assert remains(LABEL, "container", "volume") == [f"container {there}", f"volume {there}"]
    assert server.logins() > before
    assert DockerEngine.of().host == "127.0.0.1"


def test_what_the_engine_shows_counts_for_who_owns_the_stack(stack: str, there: str) -> None:  # noqa: ARG001
    with pytest.raises(Problem, match="stack behindssh was brought up with Pulumi, so ENGINE=compose knows"):
        Context.of(stack, RunnerKind.COMPOSE)


def test_a_client_that_is_told_nothing_sees_nothing(there: str) -> None:  # noqa: ARG001
    assert docker("ps", check=False).returncode != 0


def test_data_is_seen_through_a_container(server: SshServer, there: str, image: str, tmp_path: Path) -> None:
    engine = DockerEngine.of({"docker:host": server.address}, "Pulumi.behindssh.yaml")
    (tmp_path / "empty" / "lost+found").mkdir(parents=True)
    (tmp_path / "full").mkdir(mode=0o700)
    (tmp_path / "full" / "PG_VERSION").touch()
    assert Place(there).holds_data(engine, image)
    assert not Place(f"{there}-none").holds_data(engine, image)
    assert Place(str(tmp_path / "full")).holds_data(engine, image)
    assert not Place(str(tmp_path / "empty")).holds_data(engine, image)
    assert not Place(str(tmp_path / "none")).holds_data(engine, image)
    assert not (tmp_path / "none").exists(), "a look makes nothing"
    command = ["docker", "volume", "ls", "--quiet"]
    listed = subprocess.run(command, env=engine.environment(), capture_output=True, text=True, check=True).stdout
    assert f"{there}-none" not in listed.split()


def test_the_hook_of_the_process_limit_works_there(server: SshServer, there: str) -> None:
    engine = DockerEngine.of({"docker:host": server.address}, "Pulumi.behindssh.yaml")
    told = engine.environment()

    def asked(form: str) -> str:
        command = ["docker", "inspect", "--format", form, there]
        return subprocess.run(command, env=told, capture_output=True, text=True, check=True).stdout.strip()

    made = pulumi.ResourceHookArgs(
        urn="urn",
        id=asked("{{.Id}}"),
        name="app-1",
        type="docker:index/container:Container",
        new_outputs={"labels": [{"label": "io.slidegenie.pids-limit", "value": "77"}]},
    )

    async def run(hook: pulumi.ResourceHook) -> bool:
        if (running := hook(made)) is not None:
            await running
        return True

    record(
        lambda: pulumi.Output.all(run(process_limit_hook(pulumi.Output.from_input(engine)))),
        project="slidegenie",
        stack="behindssh",
    )
    assert asked("{{.HostConfig.PidsLimit}}") == "77"
