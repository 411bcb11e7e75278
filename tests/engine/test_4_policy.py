"""The container policy over what really runs: clean as the platform made it, and not when somebody helps."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from slidegenie.maintenance.textfile import publish

from ..support.workspace import Workspace, docker
from .conftest import missing_for_compose

pytestmark = pytest.mark.engine

_BASE = "slidegenie-airgap/debian:bookworm-slim"
_WATCHED = "slidegenie/watched-by-policy"


def test_what_runs_keeps_every_rule(platform: Workspace) -> None:
    result = platform.run("policy", "--live")

    assert result.code == 0, result.text
    assert f"policy, running containers of stack {platform.stack}: no violation in " in result.out
    assert "3 exceptions used" in result.out


def test_a_container_made_by_hand_is_named_with_every_rule_it_breaks(platform: Workspace) -> None:
    made = docker(
        "run", "--detach", "--label", f"io.slidegenie.stack={platform.label}", "--env", "API_TOKEN=hunter2",
        "--volume", "/etc:/host", "--pid", "host", "--name", "slidegenie-by-hand", _BASE, "sleep", "600",
    ).strip()  # fmt: skip
    try:
        result = platform.run("policy", "--live")
    finally:
        docker("rm", "--force", made)

    assert result.code == 0, "the policy of this stack is advisory"
    named = [line.strip() for line in result.out.splitlines() if line.startswith("  slidegenie-by-hand: ")]
    assert "slidegenie-by-hand: mounts[0].source is /etc of the host, or in it" in named
    assert "slidegenie-by-hand: mounts[0].readOnly is not true" in named
    assert "slidegenie-by-hand: pidMode is that of the host or of another container" in named
    assert 'slidegenie-by-hand: envs["API_TOKEN"] is a secret by its name' in named
    assert "slidegenie-by-hand: pidsLimit sets no limit of processes" in named
    assert "hunter2" not in result.text
    others = [line for line in result.out.splitlines() if line.startswith("  ") and "slidegenie-by-hand" not in line]
    assert {line.split(":")[0] for line in others} == {"  danger", "  fix"}, "nothing else is out of order"


@pytest.fixture
def metrics_volume() -> Iterator[str]:
    """A volume, and a container that mounts it and never starts, as the monitoring of a stack has them."""
    if reason := missing_for_compose():
        pytest.skip(reason)
    mine = ("--label", f"io.slidegenie.stack={_WATCHED}")
    volume = docker("volume", "create", *mine, "--label", "io.slidegenie.data=metrics").strip()
    docker("run", "--rm", "--volume", f"{volume}:/volume", _BASE, "chown", "1000:1000", "/volume")
    seed = docker("create", *mine, "--label", "io.slidegenie.role=seed", "--volume", f"{volume}:/volume", _BASE).strip()
    yield volume
    docker("rm", "--force", seed)
    docker("volume", "rm", volume)


def test_the_verdict_reaches_the_volume_that_the_node_exporter_reads(metrics_volume: str) -> None:
    told = CollectorRegistry()
    Gauge("slidegenie_policy_violations", "Broken rules.", ["container"], registry=told).labels("app").set(0)
    assert publish(_WATCHED, "policy.prom", told)

    read = [
        "--user",
        "1000:1000",
        "--volume",
        f"{metrics_volume}:/textfiles:ro",
        _BASE,
        "cat",
        "/textfiles/policy.prom",
    ]
    assert docker("run", "--rm", *read) == generate_latest(told).decode()
