"""Backups outlive `make destroy` under Pulumi too: the state keeps the repository and the password that opens it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.stored import Data
from ..support.workspace import Workspace, docker
from .conftest import missing

pytestmark = [pytest.mark.pulumi, pytest.mark.timeout(1200)]


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A running platform with backups."""
    if reason := missing():
        pytest.skip(reason)
    made = Workspace.make(tmp_path_factory.mktemp("pulumi-backups"), "bakupp", "pulumi", 25480)
    made.configure("backup", enabled=True)
    made.configure("backend", startSeconds=60, replicas=1, volumes={"uploads": "/app/uploads"})
    made.destroy()
    try:
        up = made.run("up")
        assert up.code == 0, up.text
        yield made
    finally:
        made.destroy()


def _volumes(stack: Workspace) -> list[str]:
    return docker("volume", "ls", "--quiet", "--filter", f"label=io.slidegenie.stack={stack.label}").split()


def test_what_was_destroyed_comes_back_and_goes_for_good_when_asked(stack: Workspace, tmp_path: Path) -> None:
    data = Data(stack)
    data.make(rows=100, objects=10)
    data.shell("echo kept > /app/uploads/file", service="app")
    before = data.digest()
    for command, *options in (
        ("backup",),
        ("destroy", "--confirm", stack.stack),
        ("up",),
        ("restore", "--confirm", stack.stack),
    ):
        done = stack.run(command, *options)
        assert done.code == 0, done.text
        if command == "destroy":
            assert "the backups and their password stay" in done.out
            assert _volumes(stack) == [f"slidegenie-{stack.stack}-backups"]
    assert data.digest() == before

    snapshots = data.snapshots()
    for secret in ("backup", "redis-backup"):
        rotated = stack.run("rotate", secret)
        assert rotated.code == 0, rotated.text
    again = stack.run("backup")
    assert again.code == 0, again.text
    assert data.snapshots()[1:] == snapshots, "the new password opens what the old one wrote"

    assert "/volumes/uploads/file" in data.shell(f"restic ls {snapshots[-1]} /volumes/uploads").split()

    elsewhere = tmp_path / "backups"
    elsewhere.mkdir()
    os.chown(elsewhere, 1000, 1000)
    stack.configure("backup", path=str(elsewhere))
    moved = stack.run("up")
    assert moved.code == 0, moved.text
    assert f"those in volume slidegenie-{stack.stack}-backups stay there" in moved.out
    first = stack.run("backup")
    assert first.code == 0, first.text
    assert len(data.snapshots()) == 1
    stack.configure("backup", path=None)
    back = stack.run("up")
    assert back.code == 0, back.text
    assert data.snapshots()[1:] == snapshots, "what was left behind is there"

    everything = stack.run("destroy", "--confirm", stack.stack, "--backups")
    assert everything.code == 0, everything.text
    assert _volumes(stack) == []
