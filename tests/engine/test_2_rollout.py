"""Rollouts by Docker Compose under load: good ones, a broken one, ones that were killed, and what people type then."""

import os
import signal
from typing import Any

import pytest

from ..conftest import Figures
from ..support.load import Load
from ..support.rollouts import (
    REPLICAS,
    app_ids,
    is_all_there,
    roll_out_each,
    see_it_break,
    see_it_mended,
)
from ..support.workspace import Workspace

pytestmark = pytest.mark.engine


def _stopped(platform: Workspace) -> list[dict[str, Any]]:
    return [c for c in platform.containers("app", everything=True) if not c["State"]["Running"]]


def _releases(platform: Workspace) -> set[str]:
    return {c["Config"]["Labels"]["io.slidegenie.release"] for c in platform.containers("app", everything=True)}


def test_three_rollouts_under_load_drop_no_request(platform: Workspace, figures: Figures) -> None:
    with Load(platform.url, platform.token) as load:
        roll_out_each(platform, load, ("1.0.1", "1.0.2", "1.0.3"), startSeconds=180)
    figures(str(load.tally))
    is_all_there(platform, load)
    kept = {c["Id"] for c in platform.containers()}
    assert platform.run("up").code == 0
    assert {c["Id"] for c in platform.containers()} == kept, "nothing is replaced when nothing has changed"


def test_a_broken_release_fails_with_its_reason_while_the_old_one_serves_on(
    platform: Workspace, figures: Figures
) -> None:
    good = app_ids(platform)
    with Load(platform.url, platform.token) as load:
        load.wait_for(100)
        broken = see_it_break(platform, "1.0.4")
        failed = {container["Id"] for container in _stopped(platform)}
        assert failed
        assert all(identity[:12] in broken.err for identity in failed), "their logs can be read"
        restarts = {container["HostConfig"]["RestartPolicy"]["Name"] for container in _stopped(platform)}
        assert restarts == {"no"}, "a restart of the engine leaves them stopped"

        # What a person would type next.
        planned = platform.run("preview")
        assert planned.code == 0, planned.text
        assert f"app: 2 new beside the old, then {2 + len(failed)} removed" in planned.out
        assert platform.run("up").code == 1
        assert app_ids(platform) == good, "the healthy containers are still there"
        assert not failed & {container["Id"] for container in _stopped(platform)}, "what had failed before is gone"

        see_it_mended(platform, "1.0.5")
        load.wait_for(1000)
    figures(str(load.tally))
    assert load.tally.failures.total() == 0, load.tally.failures
    assert len(platform.containers("app", everything=True)) == REPLICAS, "the next good rollout cleaned up"
    assert not good & app_ids(platform)


def test_a_job_that_fails_stops_the_rollout_before_a_replica_is_replaced(platform: Workspace) -> None:
    good = app_ids(platform)
    platform.configure("backend", release="1.0.6", environment={"LOG_LEVEL": "nonsense"})
    failed = platform.run("up")
    platform.configure("backend", release="1.0.6", environment=None)
    assert failed.code == 1, failed.text
    assert "migrate" in failed.err
    assert "LOG_LEVEL" in failed.err, "the job's last lines say why"
    assert {c["Id"] for c in platform.containers("app", everything=True)} == good


@pytest.mark.parametrize(
    ("release", "moment", "sent"),
    [
        # The new replica starts beside the old ones, and nobody waits for it any more.
        ("2.0.0", "-app-", signal.SIGKILL),
        # By then both new ones serve, and the first of the old ones is on its way.
        ("2.0.1", "containers of app finish", signal.SIGKILL),
        # What Ctrl-C sends, to everything that runs in the terminal.
        ("2.0.2", "-app-", signal.SIGINT),
    ],
)
def test_a_rollout_that_was_interrupted_is_finished_by_the_next_one(
    platform: Workspace, figures: Figures, release: str, moment: str, sent: signal.Signals
) -> None:
    with Load(platform.url, platform.token) as load:
        load.wait_for(100)
        platform.configure("backend", release=release, startSeconds=180)
        update = platform.start("up")
        assert update.stdout is not None
        for line in update.stdout:
            if moment in line:
                break
        if sent is signal.SIGKILL:
            # It alone: a Compose that it has started goes on.
            os.kill(update.pid, sent)
        else:
            os.killpg(update.pid, sent)
        rest, _ = update.communicate()
        assert "Traceback" not in rest
        assert update.returncode == (-sent if sent is signal.SIGKILL else 130), rest
        after = platform.run("up")
        assert after.code == 0, after.text
        load.wait_for(1000)
    figures(str(load.tally))
    assert load.tally.failures.total() == 0, load.tally.failures
    assert _releases(platform) == {release}
    assert len(app_ids(platform)) == len(platform.containers("app", everything=True)) == REPLICAS
