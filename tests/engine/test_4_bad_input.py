"""Mistakes people make: each is one clear line and a non-zero exit, and nothing is changed."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.workspace import Workspace, docker, missing_for_engine_tests

pytestmark = pytest.mark.engine


@pytest.fixture
def mistaken(tmp_path: Path) -> Iterator[Workspace]:
    """A stack that was never up, to make mistakes with."""
    if reason := missing_for_engine_tests():
        pytest.skip(reason)
    made = Workspace.make(tmp_path, "mistake", "compose", 25180)
    yield made
    assert made.containers(everything=True) == [], "nothing was changed"


def _line(workspace: Workspace, **environment: str) -> str:
    result = workspace.run("up", **environment)
    assert result.code == 1, result.text
    assert "Traceback" not in result.text
    lines = [line for line in result.err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]


def test_docker_that_does_not_run(mistaken: Workspace) -> None:
    said = _line(mistaken, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert "the Docker engine at unix:///nowhere/docker.sock (DOCKER_HOST) does not answer: " in said
    assert "without an engine, `make plan` and `make check` work" in said


def test_a_socket_without_permission(mistaken: Workspace, tmp_path: Path) -> None:
    closed = tmp_path / "bin" / "docker"
    closed.parent.mkdir()
    closed.write_text("#!/bin/sh\necho 'permission denied while trying to connect to the docker API' >&2; exit 1\n")
    closed.chmod(closed.stat().st_mode | stat.S_IXUSR)
    said = _line(mistaken, PATH=str(closed.parent))
    assert "no permission on the Docker socket: run `sudo usermod -aG docker $USER`" in said


def test_a_port_that_is_taken(mistaken: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", mistaken.ports[1]))
        taken.listen()
        said = _line(mistaken)
    assert f"port {mistaken.ports[1]} on 127.0.0.1 is taken" in said
    assert "set another in Pulumi.mistake.yaml (`proxy`, `monitoring.ports`)" in said


def test_a_stack_that_does_not_exist(mistaken: Workspace) -> None:
    (mistaken.root / "Pulumi.mistake.yaml").unlink()
    assert "stack 'mistake' does not exist: there is no Pulumi.mistake.yaml; known stacks: airgap, dev, prod" in _line(
        mistaken
    )


def test_a_key_that_is_misspelt(mistaken: Workspace) -> None:
    mistaken.configure("backend", replica=3)
    assert "Pulumi.mistake.yaml: backend.replica: is not a known key; did you mean backend.replicas?" in _line(mistaken)


def test_an_image_that_cannot_be_pulled(mistaken: Workspace) -> None:
    mistaken.configure("images", redis="127.0.0.1:1/redis:1")
    # The policy has its say about such a registry in lines of its own: tests/engine/test_4_policy.py.
    mistaken.configure("policy", enforcement="disabled")
    said = _line(mistaken)
    assert "127.0.0.1:1/redis:1 cannot be pulled" in said


def test_a_disk_that_is_too_small(mistaken: Workspace) -> None:
    root = docker("info", "--format", "{{.DockerRootDir}}").strip()
    said = _line(mistaken, SLIDEGENIE_DISK_GIB="1000000")
    assert f"GiB free at {root}, 1000000 GiB needed" in said
