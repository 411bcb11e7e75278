"""What was removed by hand is found by comparing the state with the engine; nothing else is touched."""

import subprocess
from typing import Any

import pytest

from slidegenie.pulumi import removed as repair
from slidegenie.pulumi.state import StackState

_KINDS = {
    "container": "docker:index/container:Container",
    "volume": "docker:index/volume:Volume",
    "network": "docker:index/network:Network",
    "image": "docker:index/remoteImage:RemoteImage",
}


def resource(kind: str, identity: str | None, **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:prod::slidegenie::{_KINDS[kind]}::{more.pop('name', identity)}"
    return {"type": _KINDS[kind], "urn": urn, "id": identity} | more


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    present = {"ps": "here\nold\n", "volume": "data\n", "network": "edge\n"}

    def docker(command: str, *_: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, present[command], "")

    monkeypatch.setattr(repair, "docker", docker)


def found(*resources: dict[str, Any]) -> list[str]:
    return [urn.rpartition("::")[2] for urn in repair.removed_by_hand(StackState(resources))]


def test_what_is_there_is_left_alone() -> None:
    kinds = (("container", "here"), ("volume", "data"), ("network", "edge"))
    assert found(*(resource(kind, name, inputs={"start": False}) for kind, name in kinds)) == []


def test_volumes_seeds_and_networks_that_went_are_named_and_other_containers_are_the_programs_business() -> None:
    assert found(
        resource("container", "gone", inputs={"start": False}),
        resource("container", "a server", inputs={}),
        resource("volume", "lost"),
        resource("network", "cut"),
        resource("image", "another command's business"),
        resource("network", None, name="never made"),
    ) == ["gone", "lost", "cut"]


def test_what_waits_to_be_deleted_is_left_to_the_next_update() -> None:
    assert found(resource("volume", "old", delete=True), resource("volume", "lost")) == ["lost"]
