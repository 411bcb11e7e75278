"""Docker that is missing, stopped or slow to start."""

import subprocess
from collections.abc import Sequence

import pytest

from components.cli import docker as module
from components.cli.console import Problem


class Host:
    """A machine whose engine answers after a while, if at all."""

    def __init__(self) -> None:
        self.programs = {"docker", "dockerd", "service"}
        self.answers_after = 10**9
        self.ran: list[str] = []

    def which(self, name: str) -> str | None:
        return name if name in self.programs else None

    def docker(self, *args: str, **_options: object) -> subprocess.CompletedProcess[str]:
        self.answers_after -= 1
        code = 0 if self.answers_after < 0 else 1
        return subprocess.CompletedProcess(args, code, "", "Cannot connect to the Docker daemon\n")

    def run(self, step: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.ran.append(" ".join(step))
        if step[:2] == ["apt-get", "install"]:
            self.programs |= {"docker", "dockerd", "service"}
        return subprocess.CompletedProcess(step, 0, "", "")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host()
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("shutil.which", made.which)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr(module, "docker", made.docker)
    monkeypatch.setattr(module, "_quietly", made.run)
    return made


def test_as_root_it_is_installed_started_and_waited_for(host: Host) -> None:
    host.programs = {"apt-get"}
    host.answers_after = 5
    module.ensure_engine()
    assert host.ran == ["apt-get update", "apt-get install --yes docker.io", "service docker start"]


def test_as_root_an_engine_that_is_stopped_is_started(host: Host) -> None:
    host.answers_after = 3
    module.ensure_engine()
    assert host.ran == ["service docker start"]


def test_one_that_never_answers_is_told_with_what_to_do(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_START_SECONDS", 0)
    with pytest.raises(Problem, match=r"^Docker is not running: start it with `sudo systemctl start docker`"):
        module.ensure_engine()
    assert host.ran == ["service docker start"]


def test_an_engine_elsewhere_is_not_started_here(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2376")
    with pytest.raises(Problem, match=r"^Docker is not running"):
        module.ensure_engine()
    assert host.ran == []


def test_who_may_not_install_it_is_told_the_command(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.programs = {"apt-get"}
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Problem, match=r"^Docker is not installed: .*`sudo apt-get install --yes docker.io`"):
        module.ensure_engine()
    assert host.ran == []


def test_a_command_without_docker_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Problem, match=r"^Docker is not installed"):
        module.docker("ps", check=False)
