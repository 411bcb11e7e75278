"""Rollouts under load: good ones, a broken one, and what people type after a broken one."""

import pytest

from ..conftest import Figures
from ..support.busy import busy_cores
from ..support.client import PRESENTATIONS, titles_in_download, trusting
from ..support.load import Load
from ..support.workspace import NEVER_HEALTHY, Workspace

pytestmark = pytest.mark.pulumi

_REQUESTS = 5000


def _app_ids(platform: Workspace, health: str = "healthy") -> set[str]:
    return {c["Id"] for c in platform.containers("app") if (c["State"].get("Health") or {}).get("Status") == health}


def test_three_rollouts_under_load_drop_no_request(platform: Workspace, figures: Figures) -> None:
    with Load(platform.url) as load:
        load.wait_for(200)
        for release in ("1.0.1", "1.0.2", "1.0.3"):
            before = _app_ids(platform)
            platform.configure("backend", release=release)
            result = platform.run("up")
            assert result.code == 0, result.text
            after = _app_ids(platform)
            assert len(after) == 2
            assert not after & before, "every replica was replaced"
        load.wait_for(_REQUESTS)
    assert load.tally.total >= _REQUESTS
    figures(str(load.tally))
    assert load.tally.failures.total() == 0, load.tally.failures
    with trusting(platform.url) as client:
        for identity in load.tally.created[:: max(len(load.tally.created) // 20, 1)]:
            assert client.get(f"{PRESENTATIONS}/{identity}").status_code == 200
        assert titles_in_download(client, load.tally.created[0])


def test_two_rollouts_on_busy_cores_drop_no_request(platform: Workspace, figures: Figures) -> None:
    """The processes of a new container start one long after the other here: none may answer before it can."""
    with busy_cores(), Load(platform.url, clients=32, per_second=70, post_every=4) as load:
        load.wait_for(200)
        for release in ("1.1.1", "1.1.2"):
            before = _app_ids(platform)
            platform.configure("backend", release=release, startSeconds=180)
            result = platform.run("up")
            assert result.code == 0, result.text
            assert not before & _app_ids(platform), "every replica was replaced"
        load.wait_for(_REQUESTS)
        figures(str(load.tally))
    assert load.tally.total >= _REQUESTS
    assert load.tally.failures.total() == 0, load.tally.failures


def test_a_broken_release_fails_with_its_reason_while_the_old_one_serves_on(
    platform: Workspace, figures: Figures
) -> None:
    good = _app_ids(platform)
    with Load(platform.url) as load:
        load.wait_for(100)
        # Nothing listens there: the release starts, and never becomes healthy.
        platform.configure("backend", release="1.0.4", healthCommand=NEVER_HEALTHY, startSeconds=15)
        broken = platform.run("up")
        assert broken.code == 1, broken.text
        assert "its health check said" in broken.err
        assert "redis" in broken.err
        assert "its last log lines" in broken.err
        assert "The old release serves on (2 healthy containers)" in broken.err
        assert "Traceback" not in broken.text

        # What a person would type next.
        assert platform.run("preview").code == 0
        assert platform.run("drift").code == 0
        assert platform.run("up").code == 1
        assert good <= _app_ids(platform)
        assert platform.run("refresh").code == 0, "nothing keeps a person from it"
        assert platform.run("up").code == 1
        assert good <= _app_ids(platform), "the healthy containers are still there"

        platform.configure("backend", release="1.0.5", healthCommand=None, startSeconds=60)
        fixed = platform.run("up")
        assert fixed.code == 0, fixed.text
        load.wait_for(1000)
    figures(str(load.tally))
    assert load.tally.failures.total() == 0, load.tally.failures
    assert len(platform.containers("app")) == 2, "the next good rollout cleaned up"
    assert not good & _app_ids(platform)
