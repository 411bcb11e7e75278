"""Docker that is missing, stopped, slow to start, or on a machine without an init system.

The programs are scripts in a folder that is all there is on PATH: what is started is started for real.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slidegenie.console import Problem
from slidegenie.engine import preflight
from slidegenie.engine import start as engine_start
from slidegenie.engine.docker import docker
from slidegenie.engine.start import ensure_engine, runs
from slidegenie.plan import Plan

_ANSWERS_WHILE = '[ -e "$STATE/running" ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }'
_INIT_STARTS = 'touch "$STATE/running"'
_INIT_FAILS = 'echo "ulimit: error setting limit" >&2; exit 1'
_DAEMON = 'echo "API listen on /var/run/docker.sock" >&2; touch "$STATE/running"; exec sleep 60'
_NO_DAEMON = (
    'echo "level=info msg=starting" >&2; echo "failed to start daemon: devices cgroup isn\'t mounted" >&2; exit 1'
)


class Host:
    """A machine with these programs and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.state, self.programs, self.home = folder / "state", folder / "bin", folder / "home"
        for made in (self.state, self.programs):
            made.mkdir()

    def has(self, name: str, script: str) -> None:
        """Put a program there, which notes that it was called."""
        path = self.programs / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"$STATE/calls"\n{script}\n', encoding="utf-8")
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """What was called, without the questions whether the engine answers."""
        noted = self.state / "calls"
        lines = noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []
        return [line.strip() for line in lines if not line.startswith("docker version")]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path)
    for name in ("sh", "touch", "sleep", "cat"):
        (made.programs / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(made.programs))
    monkeypatch.setenv("STATE", str(made.state))
    monkeypatch.setenv("SLIDEGENIE_HOME", str(made.home))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(engine_start, "_SYSTEMD", tmp_path / "no-systemd")
    monkeypatch.setattr(engine_start, "_DAEMON_PID", tmp_path / "docker.pid")
    made.has("docker", _ANSWERS_WHILE)
    return made


def _stop(pid: int) -> None:
    os.kill(pid, 15)
    os.waitpid(pid, 0)


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_without_an_init_system_the_daemon_itself_is_started_and_outlives_the_command(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.has("service", _INIT_FAILS)
    host.has("dockerd", _DAEMON)
    ensure_engine()
    pid = int((host.home / "dockerd.pid").read_text(encoding="utf-8"))
    try:
        assert host.calls == ["service docker start", "dockerd"]
        assert os.getsid(pid) == pid, "it must not end with the terminal"
        log = host.home / "dockerd.log"
        assert log.read_text(encoding="utf-8") == "API listen on /var/run/docker.sock\n"
        assert capsys.readouterr().out == (
            f"==> started Docker (dockerd, as this machine has no init system); its log: {log}; `kill {pid}` stops it\n"
        )
    finally:
        _stop(pid)


def test_a_daemon_that_dies_is_told_by_the_last_line_of_its_log_and_by_what_works_without_one(host: Host) -> None:
    host.has("dockerd", _NO_DAEMON)
    with pytest.raises(Problem) as refused:
        ensure_engine()
    assert str(refused.value) == (
        "Docker does not start on this machine: failed to start daemon: devices cgroup isn't mounted"
        f" (all of it: {host.home}/dockerd.log); without an engine, `make plan` and `make check` work"
    )
    assert not (host.home / "dockerd.pid").exists()


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
@pytest.mark.parametrize("pid", ["999999999", "of this process", "nonsense"])
def test_what_a_killed_daemon_left_hinders_nobody(host: Host, tmp_path: Path, pid: str) -> None:
    left = tmp_path / "docker.pid"
    left.write_text(str(os.getpid()) if pid == "of this process" else pid, encoding="ascii")
    host.has("dockerd", f'[ ! -e {left} ] || {{ echo "pid file found" >&2; exit 1; }}\n{_DAEMON}')
    ensure_engine()
    _stop(int((host.home / "dockerd.pid").read_text(encoding="utf-8")))


def test_where_the_init_script_starts_it_no_second_one_is_started(host: Host) -> None:
    host.has("service", _INIT_STARTS)
    host.has("dockerd", _DAEMON)
    ensure_engine()
    assert host.calls == ["service docker start"]
    assert not (host.home / "dockerd.pid").exists()


def test_what_was_noted_of_an_engine_that_has_ended_is_forgotten(host: Host) -> None:
    """Whoever stops what was started reads it, and the number may be another program's by now."""
    host.home.mkdir()
    (host.home / "dockerd.pid").write_text(f"{os.getpid()}\n", encoding="utf-8")
    host.has("service", _INIT_STARTS)
    host.has("dockerd", _DAEMON)
    ensure_engine()
    assert not (host.home / "dockerd.pid").exists()


def test_a_daemon_that_says_nothing_is_not_told_by_what_an_earlier_one_said(host: Host) -> None:
    host.home.mkdir()
    (host.home / "dockerd.log").write_text("no space left on device\n", encoding="utf-8")
    host.has("dockerd", "exit 1")
    with pytest.raises(Problem, match=r"^Docker does not start on this machine: no output \(all of it: "):
        ensure_engine()


def test_packages_without_an_engine_are_one_line(host: Host) -> None:
    host.has("apt-get", "exit 0")
    with pytest.raises(Problem, match=r"^`apt-get install .*` brought no Docker engine: see docs\.docker\.com/engine"):
        ensure_engine()


def test_where_systemd_runs_it_is_asked(host: Host, tmp_path: Path) -> None:
    (tmp_path / "no-systemd").mkdir()
    host.has("systemctl", _INIT_STARTS)
    host.has("service", _INIT_STARTS)
    host.has("dockerd", _DAEMON)
    ensure_engine()
    assert host.calls == ["systemctl start docker"]


def test_as_root_it_is_installed_and_started(host: Host) -> None:
    (host.programs / "docker").unlink()
    start = (
        f'[ "$1" = install ] || exit 0\ncat "$STATE/engine" >{host.programs}/docker\nchmod +x {host.programs}/docker'
    )
    (host.programs / "chmod").symlink_to("/bin/chmod")
    (host.state / "engine").write_text(f"#!/bin/sh\n{_ANSWERS_WHILE}\n", encoding="utf-8")
    host.has("apt-get", start)
    host.has("dockerd", _DAEMON)
    host.has("service", _INIT_STARTS)
    ensure_engine()
    assert host.calls == [
        "apt-get update",
        "apt-get install --yes --no-install-recommends docker.io iptables",
        "service docker start",
    ]


def test_an_engine_elsewhere_is_not_started_here(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2376")
    with pytest.raises(Problem, match=r"^the Docker engine at tcp://192\.0\.2\.1:2376 \(DOCKER_HOST\) does not answer"):
        ensure_engine()
    assert host.calls == []


def test_who_may_not_start_it_is_told_how_and_what_works_without(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    host.has("dockerd", _DAEMON)
    with pytest.raises(Problem) as refused:
        ensure_engine()
    assert str(refused.value) == (
        "Docker is not running: this machine has no systemd: start it with `sudo service docker start`, or"
        " `sudo dockerd`, and repeat; without an engine, `make plan` and `make check` work"
    )
    assert host.calls == []


def test_who_may_not_install_it_is_told_the_command(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (host.programs / "docker").unlink()
    host.has("apt-get", "exit 0")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Problem, match=r"^Docker is not installed: .*`sudo apt-get install --yes docker.io`"):
        ensure_engine()
    assert host.calls == []


def test_a_command_without_docker_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Problem, match=r"^Docker is not installed"):
        docker("ps", check=False)


def test_help_says_how_to_stop_an_engine_that_was_started(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    home = {"SLIDEGENIE_HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    def told() -> str:
        command = ["make", "help"]
        return subprocess.run(command, cwd=root, env=home, capture_output=True, text=True, check=True).stdout

    shutil.copy("/bin/sleep", tmp_path / "dockerd")
    assert "stops the Docker engine" not in told()
    with subprocess.Popen([tmp_path / "dockerd", "60"]) as running:
        (tmp_path / "dockerd.pid").write_text(f"{running.pid}\n", encoding="utf-8")
        assert f"`kill {running.pid}` stops the Docker engine that was started here" in told()
        running.kill()
    assert "stops the Docker engine" not in told()


def test_help_names_no_other_program_that_has_the_number_by_now(tmp_path: Path) -> None:
    (tmp_path / "dockerd.pid").write_text(f"{os.getpid()}\n", encoding="utf-8")
    root, home = Path(__file__).resolve().parents[3], {"SLIDEGENIE_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    told = subprocess.run(["make", "help"], cwd=root, env=home, capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert "make up" in told
    assert "kill" not in told


# ---------------------------------------------------------------------------- preflight
# What is checked before anything is changed, as far as it needs no engine.


def test_bases_and_third_party_images_are_needed_and_built_ones_are_not(plans: dict[str, Plan]) -> None:
    needed = preflight.needed_images(plans["airgap"])

    assert needed == sorted(set(needed))
    assert {
        "slidegenie-airgap/debian:bookworm-slim",
        "slidegenie-airgap/python:3.11-slim",
        "slidegenie-airgap/postgres:15",
        "slidegenie-airgap/redis:7.0",
        "slidegenie-airgap/traefik:v3.7.15",
        "slidegenie-airgap/haproxy:2.6",
    } <= set(needed)
    assert not {image for image in needed if image.startswith("slidegenie/")}


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what `docker pull` says, by registry; an empty word lets it succeed. No image is there."""
    said: dict[str, str] = {}

    def docker(*args: str, **_options: object) -> subprocess.CompletedProcess[str]:
        match args:
            case ("pull", "--quiet", image):
                word = said[image.partition("/")[0]]
                return subprocess.CompletedProcess(args, 1 if word else 0, "", f"Error response from daemon: {word}\n")
        return subprocess.CompletedProcess(args, 1, "", "no such image\n")

    monkeypatch.setattr(preflight, "docker", docker)
    monkeypatch.setattr(preflight, "image_id", lambda _image: "")
    return said


_NO_ROUTE = "dial tcp: lookup registry: no such host"


def test_when_no_registry_answers_each_is_asked_once_and_named(
    registries: dict[str, str], plans: dict[str, Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    registries |= {"docker.io": _NO_ROUTE, "quay.io": _NO_ROUTE, "ghcr.io": _NO_ROUTE}
    with pytest.raises(preflight.RegistryUnreachableError, match=r"docker\.io/.*\n.*ghcr\.io/.*\n.*quay\.io/"):
        list(preflight.pull_images(plans["dev"]))
    assert capsys.readouterr().out.count("==> pulling") == 3


def test_when_another_registry_answers_the_machine_is_not_without(
    registries: dict[str, str], plans: dict[str, Plan]
) -> None:
    registries |= {"docker.io": "", "quay.io": _NO_ROUTE, "ghcr.io": ""}
    with pytest.raises(
        Problem, match=r"^quay\.io/minio/minio:\S+ cannot be pulled, its registry does not answer"
    ) as raised:
        list(preflight.pull_images(plans["dev"]))
    assert type(raised.value) is Problem, "no reason to use another stack"


def test_what_was_pulled_is_told_before_the_next_one_fails(registries: dict[str, str], plans: dict[str, Plan]) -> None:
    registries |= {"docker.io": "", "ghcr.io": "", "quay.io": "manifest unknown"}
    pulled: list[str] = []
    with pytest.raises(Problem, match=r"^quay\.io/minio/minio:\S+ cannot be pulled: .*manifest unknown"):
        pulled.extend(preflight.pull_images(plans["dev"]))
    needed = preflight.needed_images(plans["dev"])
    assert pulled == [image for image in needed if not image.startswith("quay.io/")]


def test_a_disk_that_is_full_in_the_middle_of_a_pull_is_called_that(
    registries: dict[str, str], plans: dict[str, Plan]
) -> None:
    registries |= {"docker.io": "write /var/lib/docker/tmp/x: no space left on device", "quay.io": "", "ghcr.io": ""}
    with pytest.raises(Problem, match=r"^the disk is too small for the images: .*no space left on device"):
        list(preflight.pull_images(plans["dev"]))


def test_what_is_there_is_pulled_again_only_for_the_newest_and_not_when_it_was_made_here(
    plans: dict[str, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = next(image for image in preflight.needed_images(plans["dev"]) if image.startswith("docker.io/"))
    pulled: list[str] = []

    def docker(*args: str, **_options: object) -> subprocess.CompletedProcess[str]:
        if args[0] == "pull":
            pulled.append(args[-1])
        return subprocess.CompletedProcess(args, 0, "0\n" if args[-1] == here else "1\n", "")

    monkeypatch.setattr(preflight, "docker", docker)
    monkeypatch.setattr(preflight, "image_id", lambda image: f"sha256:{image}")
    assert list(preflight.pull_images(plans["dev"])) == pulled == []
    assert list(preflight.pull_images(plans["dev"], newest=True)) == [], "somebody else may have pulled it first"
    assert pulled == [image for image in preflight.needed_images(plans["dev"]) if image != here]


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("redis:8.2.1", "docker.io"),
        ("library/redis:8.2.1", "docker.io"),
        ("docker.io/library/redis:8.2.1", "docker.io"),
        ("localhost/redis:8.2.1", "localhost"),
        ("registry:5000/redis:8.2.1", "registry:5000"),
    ],
)
def test_the_registry_of_an_image_is_read_as_docker_does(image: str, registry: str) -> None:
    assert preflight._registry(image) == registry


@pytest.fixture
def taken() -> Iterator[int]:
    """Hold a port."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_port_that_is_taken_is_told_with_what_to_do(taken: int) -> None:
    with pytest.raises(Problem, match=rf"^port {taken} on 127.0.0.1 is taken .* set another in Pulumi.dev.yaml "):
        preflight._check_port("127.0.0.1", taken, "dev")


def test_a_port_that_only_the_engine_may_bind_is_taken_when_something_answers(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a plain user finds 443."""

    class Unprivileged(socket.socket):
        def bind(self, _address: object, /) -> None:
            raise PermissionError

    monkeypatch.setattr("socket.socket", Unprivileged)
    with pytest.raises(Problem, match=rf"^port {taken} on 127.0.0.1 is taken \(something answers there\)"):
        preflight._check_port("127.0.0.1", taken, "prod")


def test_a_port_that_is_free_is_fine() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        free = holder.getsockname()[1]

    preflight._check_port("127.0.0.1", free, "dev")


def test_a_process_that_was_killed_does_not_run_before_anybody_asked_how_it_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert runs(process.pid)
    process.kill()
    # Waits for its end, and leaves its number taken.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert not runs(process.pid)
    process.communicate()
    assert not runs(process.pid)


def test_this_process_runs() -> None:
    assert runs(os.getpid())
