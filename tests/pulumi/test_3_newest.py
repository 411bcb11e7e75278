"""A newer image under the same name: said by every update, rolled out by `NEWEST=1`, pulled or built upon."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ..support.workspace import ROOT, Workspace, docker

pytestmark = pytest.mark.pulumi

_OWN = {"redis": "slidegenie-newest/redis:1", "pythonDebian": "slidegenie-newest/python:1"}


@pytest.fixture
def own(platform: Workspace) -> Iterator[Workspace]:
    """The platform on images of its own, which no other test uses."""
    stand_ins = yaml.safe_load((ROOT / "Pulumi.airgap.yaml").read_text(encoding="utf-8"))["config"]["slidegenie:images"]
    for key, name in _OWN.items():
        docker("tag", stand_ins[key], name)
    platform.configure("images", **_OWN)
    up = platform.run("up")
    assert up.code == 0, up.text
    yield platform
    platform.configure("images", **{key: stand_ins[key] for key in _OWN})
    platform.run("up")
    docker("image", "rm", "--force", *_OWN.values())


def test_what_moved_is_said_and_changes_only_when_asked(own: Workspace, tmp_path: Path) -> None:
    def running(service: str) -> set[str]:
        return {container["Image"] for container in own.containers(service)}

    before = {service: running(service) for service in ("redis", "app", "postgres")}
    for name in _OWN.values():
        # As its publisher would make it again.
        (tmp_path / "Dockerfile").write_text(f"FROM {name}\nLABEL rebuilt=yes\n", encoding="utf-8")
        docker("build", "--tag", name, str(tmp_path))
    left_alone = own.run("up")
    assert left_alone.code == 0, left_alone.text
    assert "newer images than the stack was made from (slidegenie-newest/python:1, slidegenie-newest/redis:1)" in (
        left_alone.out
    )
    assert {service: running(service) for service in before} == before

    taken = own.run("up", "--newest")
    assert taken.code == 0, taken.text
    assert running("redis") == {docker("image", "inspect", "--format", "{{.Id}}", _OWN["redis"]).strip()}
    for image in running("app"):
        assert docker("image", "inspect", "--format", '{{index .Config.Labels "rebuilt"}}', image).strip() == "yes"
    assert running("postgres") == before["postgres"]

    after = own.run("up")
    assert "newer images" not in after.out
    assert "no changes" in after.out
