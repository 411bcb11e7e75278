"""Rollouts under load: good ones, a broken one, and what people type after a broken one."""

import pytest

from ..conftest import Figures
from ..support.load import Load
from ..support.rollouts import app_ids, is_all_there, roll_out_each, see_it_break, see_it_mended
from ..support.waiting import busy_cores
from ..support.workspace import Workspace

pytestmark = pytest.mark.pulumi


def test_three_rollouts_under_load_drop_no_request(platform: Workspace, figures: Figures) -> None:
    with Load(platform.url) as load:
        roll_out_each(platform, load, ("1.0.1", "1.0.2", "1.0.3"))
    figures(str(load.tally))
    is_all_there(platform, load)


def test_two_rollouts_on_busy_cores_drop_no_request(platform: Workspace, figures: Figures) -> None:
    """The processes of a new container start one long after the other here: none may answer before it can."""
    with busy_cores(), Load(platform.url, clients=32, per_second=70, post_every=4) as load:
        roll_out_each(platform, load, ("1.1.1", "1.1.2"), startSeconds=180)
        figures(str(load.tally))
    assert load.tally.failures.total() == 0, load.tally.failures


def test_a_broken_release_fails_with_its_reason_while_the_old_one_serves_on(
    platform: Workspace, figures: Figures
) -> None:
    good = app_ids(platform)
    with Load(platform.url) as load:
        load.wait_for(100)
        see_it_break(platform, "1.0.4")

        # What a person would type next.
        assert platform.run("preview").code == 0
        assert platform.run("drift").code == 0
        assert platform.run("up").code == 1
        assert good <= app_ids(platform)
        assert platform.run("refresh").code == 0, "nothing keeps a person from it"
        assert platform.run("up").code == 1
        assert good <= app_ids(platform), "the healthy containers are still there"

        see_it_mended(platform, "1.0.5")
        load.wait_for(1000)
    figures(str(load.tally))
    assert load.tally.failures.total() == 0, load.tally.failures
    assert len(platform.containers("app")) == 2, "the next good rollout cleaned up"
    assert not good & app_ids(platform)
