"""The end of a stack: the last test of this folder, since nothing of the platform is left after it."""

import pytest

from ..support.workspace import Workspace, docker

pytestmark = pytest.mark.pulumi


def test_destroy_asks_and_then_leaves_nothing(platform: Workspace) -> None:
    refused = platform.run("destroy")
    assert refused.code == 1
    assert "nothing was deleted" in refused.err
    assert platform.containers()
    gone = platform.run("destroy", CONFIRM=platform.stack)
    assert gone.code == 0, gone.text
    mark = f"label=io.slidegenie.stack={platform.label}"
    for kind, flags in (("container", ["--all"]), ("volume", []), ("network", [])):
        assert docker(kind, "ls", "--quiet", *flags, "--filter", mark) == "", kind
