"""Docker Compose: a preview says what stops before its successor starts, and what all servers together may use."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import pytest

from slidegenie.compose import update as module
from slidegenie.compose.replicas import Replica
from slidegenie.compose.update import Update
from slidegenie.plan.view import view_of

from ..plans import container, made_of, rendered

if TYPE_CHECKING:
    from slidegenie.compose.command import ComposeCommand

_RUNNING = {
    "Id": "1",
    "Name": "/db",
    "Config": {"Labels": {"io.slidegenie.role": "server"}},
    "HostConfig": {"Memory": 64 * 2**20, "NanoCpus": 1_000_000_000},
}


class _Compose:
    """Compose that notes what it is told, and wants another container of each service."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def run(self, *args: str) -> None:
        self.told.append(args)

    def hashes(self) -> Mapping[str, str]:
        return {"db": "new"}


def test_a_preview_names_what_is_recreated_and_the_sums(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = [container("db", memory=128)]
    project, _ = rendered(*resources)
    compose = _Compose()
    there = Replica(id="1", number=1, config_hash="old", image="sha256:1", running=True, health="healthy")
    monkeypatch.setattr(module, "containers", lambda *_, **__: [_RUNNING])
    monkeypatch.setattr(module, "replicas", lambda *_: [there])
    monkeypatch.setattr(module, "image_id", lambda _: "sha256:1")

    Update(view_of(made_of(resources)), project, cast("ComposeCommand", cast("Any", compose))).show()

    assert capsys.readouterr().out.splitlines() == [
        "    memory of all servers: 64 → 128 MiB (+64)",
        "    db: recreated with a gap, it stops before the new one starts",
    ]
    assert [args[-1] for args in compose.told] == ["db"]
    assert all("--dry-run" in args for args in compose.told)
