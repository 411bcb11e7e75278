"""What a rollout promises holds for plain `pulumi`, whatever is typed, and in whatever order."""

import os
import signal
import time
from collections.abc import Iterator
from itertools import islice

import pytest

from ..conftest import Figures
from ..support.load import Load
from ..support.rollouts import app_ids, break_release, mend_release, orphans
from ..support.waiting import busy_cores
from ..support.workspace import Result, Workspace, docker

pytestmark = pytest.mark.pulumi

_UP = ("up", "--yes", "--skip-preview")
_AFTER_A_BROKEN_ONE: dict[str, list[tuple[str, ...]]] = {
    "up": [_UP],
    "up --refresh": [(*_UP, "--refresh")] * 3,
    "refresh, up": [("refresh", "--yes", "--skip-preview"), _UP],
    "--target": [(*_UP, "--target", "{traefik}"), (*_UP, "--target", "{app}", "--target-dependents")],
    "--replace": [(*_UP, "--replace", "{app}")],
    "preview": [("preview",), ("preview", "--refresh")],
}
"""What people type."""
_HARMLESS = {"refresh", "preview", "--target"}
"""What may end well, as it does not ask for the new release."""


def _up(platform: Workspace, *flags: str) -> Result:
    return platform.pulumi(*_UP, *flags)


def _apps(platform: Workspace) -> set[str]:
    return {c["Id"] for c in platform.containers("app", everything=True)}


def _urns(platform: Workspace) -> dict[str, str]:
    containers = (r for r in platform.state()["resources"] if r["type"] == "docker:index/container:Container")
    return {r["urn"].rpartition("::")[2].removeprefix("slidegenie-").removesuffix("-1"): r["urn"] for r in containers}


@pytest.fixture
def load(platform: Workspace, figures: Figures) -> Iterator[Load]:
    """Clients that must not see any of this, on a machine that is busy besides."""
    with busy_cores(), Load(platform.url) as clients:
        clients.wait_for(100)
        yield clients
        clients.wait_for(clients.tally.total + 200)
    figures(str(clients.tally))
    assert clients.tally.failures.total() == 0, clients.tally.failures


def test_good_rollouts_lose_no_request_and_leave_nothing(platform: Workspace, load: Load) -> None:
    for release in ("3.0.1", "3.0.2", "3.0.3"):
        before = _apps(platform)
        platform.configure("backend", release=release, startSeconds=180)
        result = _up(platform)
        assert result.code == 0, result.text
        assert len(app_ids(platform)) == 2
        assert not before & _apps(platform), "every replica was replaced, and the old ones are gone"
    assert load.tally.total > 0
    assert orphans(platform) == []
    assert platform.pulumi("preview", "--expect-no-changes").code == 0


def test_ten_replicas_that_start_together_take_little_longer_than_two(
    platform: Workspace, load: Load, figures: Figures
) -> None:
    seconds: dict[int, float] = {}
    for replicas in (2, 10):
        common = {"replicas": replicas, "surge": replicas, "workers": 1, "startSeconds": 300}
        platform.configure("backend", release=f"3.{replicas}.0", **common)
        assert _up(platform).code == 0
        before = _apps(platform)
        platform.configure("backend", release=f"3.{replicas}.1", **common)
        began = time.monotonic()
        result = _up(platform)
        seconds[replicas] = time.monotonic() - began
        assert result.code == 0, result.text
        assert len(app_ids(platform)) == replicas
        assert not before & _apps(platform)
    platform.configure("backend", replicas=2, surge=2, workers=2)
    assert _up(platform).code == 0
    assert load.tally.total > 0
    figures(f"two replicas {seconds[2]:.0f} s, ten {seconds[10]:.0f} s: {seconds[10] / seconds[2]:.2f} times")


@pytest.mark.parametrize(
    "orders",
    [list(_AFTER_A_BROKEN_ONE), list(reversed(_AFTER_A_BROKEN_ONE)), ["refresh, up", "--replace", "up --refresh"]],
    ids=["one way", "the other way", "at random"],
)
def test_whatever_is_typed_after_a_broken_release_the_one_before_serves(
    platform: Workspace, load: Load, orders: list[str], request: pytest.FixtureRequest
) -> None:
    name = f"4.{list(_AFTER_A_BROKEN_ONE).index(orders[0])}"
    platform.configure("backend", release=f"{name}.0", startSeconds=180)
    assert _up(platform).code == 0
    good = app_ids(platform)
    assert len(good) == 2

    break_release(platform, f"{name}.1")
    try:
        broken = _up(platform)
        assert broken.code != 0
        for said in (
            "its health check said",
            "redis does not answer",
            "its last log lines",
            "The old release serves on",
        ):
            assert said in broken.text, broken.text
        for commands in orders:
            for command in _AFTER_A_BROKEN_ONE[commands]:
                urns = _urns(platform)
                typed = [word.format(app=urns["app"], traefik=urns["traefik"]) for word in command]
                result = platform.pulumi(*typed)
                assert (result.code != 0) or _HARMLESS & set(command), f"{typed}: {result.text}"
                assert good <= app_ids(platform), f"after {typed}, {request.node.name}: {result.text}"
    finally:
        mend_release(platform, f"{name}.2")
    fixed = _up(platform, "--refresh")
    assert fixed.code == 0, fixed.text
    assert len(_apps(platform)) == 2, "nothing of the broken one is left"
    assert not good & _apps(platform)
    assert load.tally.total > 0
    assert orphans(platform) == []


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_after_an_update_that_did_not_end_the_next_one_leaves_nothing(
    platform: Workspace, load: Load, sent: signal.Signals
) -> None:
    release = f"5.0.{int(sent)}"
    platform.configure("backend", release=release, startSeconds=180)
    update = platform.start_pulumi(*_UP)
    assert update.stdout is not None
    for line in islice(update.stdout, 10_000):
        if "Container slidegenie-app-" in line and "creating" in line:
            break
    os.killpg(update.pid, sent)
    update.communicate()
    assert update.returncode != 0
    platform.pulumi("cancel", "--yes")

    after = _up(platform)
    assert after.code == 0, after.text
    assert {c["Config"]["Labels"]["io.slidegenie.release"] for c in platform.containers("app")} == {release}
    assert len(app_ids(platform)) == len(_apps(platform)) == 2
    assert load.tally.total > 0
    assert orphans(platform) == []


def test_what_somebody_removed_or_stopped_is_made_again(platform: Workspace) -> None:
    removed, stopped = platform.containers("app")[0]["Id"], platform.containers("socket-proxy")[0]["Id"]
    docker("rm", "--force", removed)
    docker("stop", stopped)

    result = _up(platform)

    assert result.code == 0, result.text
    assert len(app_ids(platform)) == 2
    assert [c["State"]["Status"] for c in platform.containers("socket-proxy")] == ["running"]
    assert platform.pulumi("preview", "--expect-no-changes").code == 0


def test_a_job_that_failed_runs_again_with_the_next_update(platform: Workspace) -> None:
    good = app_ids(platform)
    platform.configure("backend", release="6.0.0", migrateCommand=["python", "-c", "raise SystemExit('no such table')"])
    for _ in range(2):
        failed = _up(platform)
        assert failed.code != 0
        assert "job migrate ended with exit code 1" in failed.text
        assert "no such table" in failed.text
        assert app_ids(platform) == good
    platform.configure("backend", migrateCommand=None)
    assert _up(platform).code == 0


def test_who_has_a_port_that_the_edge_needs_is_named(platform: Workspace) -> None:
    port = platform.ports[0] + 40
    image = platform.containers("socket-proxy")[0]["Image"]
    holder = docker("run", "--detach", "--publish", f"127.0.0.1:{port}:80", "--entrypoint=sleep", image, "900").strip()
    name = docker("inspect", "--format", "{{.Name}}", holder).strip().lstrip("/")
    try:
        platform.configure("proxy", backendPort=port)
        taken = _up(platform)
        assert taken.code != 0
        assert f"port {port} of localhost is taken by container {name}" in taken.text, taken.text
        assert "traefik is down" in taken.text
    finally:
        docker("rm", "--force", holder)
    again = _up(platform)
    assert again.code == 0, again.text
    platform.configure("proxy", backendPort=platform.ports[2])
    assert _up(platform).code == 0
