"""The end of a stack: the last tests of this folder, since nothing of the platform is left after them."""

import dataclasses
from pathlib import Path

import pytest

from ..support.workspace import Workspace, docker

pytestmark = pytest.mark.pulumi


def things(platform: Workspace) -> set[str]:
    """Return all that the engine has of the stack."""
    mark = f"label=io.slidegenie.stack={platform.label}"
    kinds = (("container", "--all"), ("volume",), ("network",))
    return {name for kind, *flags in kinds for name in docker(kind, "ls", "--quiet", *flags, "--filter", mark).split()}


@pytest.mark.parametrize("command", ["destroy", "password", "down", "up"])
def test_compose_takes_over_nothing_that_pulumi_runs(platform: Workspace, command: str, tmp_path: Path) -> None:
    before = things(platform)
    compose = dataclasses.replace(platform, engine="compose")
    options = ("--confirm", platform.stack) if command == "destroy" else ()
    for home in ({}, {"SLIDEGENIE_HOME": str(tmp_path)}):
        refused = compose.run(command, *options, **home)
        assert refused.code == 1, refused.text
        assert f"stack {platform.stack} was brought up with Pulumi, so ENGINE=compose knows neither" in refused.err
    assert things(platform) == before
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_state_that_does_not_know_the_data_does_not_start_on_it(platform: Workspace, tmp_path: Path) -> None:
    down = platform.run("down")
    assert down.code == 0, down.text
    before = things(platform)
    refused = platform.run("up", SLIDEGENIE_HOME=str(tmp_path))
    assert refused.code == 1
    said = refused.err.splitlines()[-1]
    assert "would make new passwords for data that is there already (a database in slidegenie-" in said, refused.text
    assert things(platform) == before


def test_destroy_asks_and_then_leaves_nothing(platform: Workspace) -> None:
    before = things(platform)
    refused = platform.run("destroy")
    assert refused.code == 1
    assert "nothing was deleted" in refused.err
    assert things(platform) == before != set()
    gone = platform.run("destroy", "--confirm", platform.stack)
    assert gone.code == 0, gone.text
    assert things(platform) == set()


def test_what_is_gone_cannot_be_destroyed_again(platform: Workspace) -> None:
    again = platform.run("destroy", "--confirm", platform.stack)
    assert again.code == 1
    assert "was never brought up with Pulumi from this home, or is destroyed" in again.err
