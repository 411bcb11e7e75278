"""Is there a newer image? Asked of a real registry, in which one appears."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slidegenie.engine.docker import docker as engine
from slidegenie.maintenance.freshness import Answer, ask

from ..support.images import eventually
from ..support.workspace import docker, missing_for_engine_tests

pytestmark = pytest.mark.engine

_REGISTRY = "slidegenie-airgap/registry:2.8.2"
_BASE = "slidegenie-airgap/debian:bookworm-slim"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if reason := missing_for_engine_tests():
        pytest.skip(reason)
    if not docker("image", "ls", "--quiet", _REGISTRY):
        pytest.skip(f"{_REGISTRY} is not built: run scripts/build-airgap-images.sh --only registry")
    where = ["--tmpfs", "/var/lib/registry:uid=1000,gid=1000", "--publish", "127.0.0.1::5000"]
    container = docker("run", "--detach", *where, _REGISTRY).strip()
    yield docker("port", container, "5000/tcp").split()[0]
    docker("rm", "--force", "--volumes", container)


def test_a_newer_image_under_the_same_name_is_noticed(address: str, tmp_path: Path) -> None:
    image = f"{address}/base:1"

    def push(content: str) -> None:
        (tmp_path / "Dockerfile").write_text(f"FROM {_BASE}\nLABEL made={content}\n", encoding="utf-8")
        docker("build", "--quiet", "--tag", image, str(tmp_path))
        docker("push", "--quiet", image)

    first = ""
    try:
        push("first")
        first = docker("image", "inspect", "--format", "{{.Id}}", image).strip()
        eventually(lambda: ask(image).answer is Answer.CURRENT, "the registry has what is here")
        push("second")
        docker("tag", first, image)
        assert ask(image).answer is Answer.OUTDATED
        docker("pull", "--quiet", image)
        assert ask(image).answer is Answer.CURRENT
    finally:
        for left in (image, first):
            engine("image", "rm", "--force", left, check=False)


def test_what_cannot_be_found_out_is_said_and_no_guess_is_made(address: str) -> None:
    assert ask(_BASE).answer is Answer.LOCAL
    assert ask(f"{address}/never:1").answer is Answer.MISSING
