"""One platform, brought up by a real `pulumi up`, for all tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from slidegenie.pulumi.command_line import find_pulumi

from ..support.workspace import Result, Workspace, missing_for_engine_tests


def missing() -> str | None:
    """Say why Pulumi cannot be tested here, or return `None` when it can."""
    if shutil.which("pulumi") is None and not (Path.home() / ".pulumi" / "bin" / "pulumi").exists():
        return "the Pulumi command line is not installed"
    if reason := missing_for_engine_tests():
        return reason
    return None if find_pulumi() else "Pulumi's provider plugins cannot be had"


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A stack of its own; everything it made is gone afterwards."""
    if reason := missing():
        pytest.skip(reason)
    made = Workspace.make(tmp_path_factory.mktemp("pulumi"), "test", "pulumi", 18080)
    made.destroy()
    yield made
    made.destroy()


@pytest.fixture(scope="session")
def first_up(workspace: Workspace) -> Result:
    """The first `make up`, which must succeed."""
    result = workspace.run("up")
    assert result.code == 0, result.text
    return result


@pytest.fixture
def platform(workspace: Workspace, first_up: Result) -> Workspace:  # noqa: ARG001 - what it brought up is used
    """The running platform."""
    return workspace
