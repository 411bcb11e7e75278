"""Rollouts of the application while people use it, whichever engine carries them out."""

from collections.abc import Sequence

from .client import PRESENTATIONS, titles_in_download, trusting
from .load import Load
from .workspace import NEVER_HEALTHY, Workspace

REQUESTS = 1500
"""What a rollout is tried with, at the least."""
REPLICAS = 2


def app_ids(platform: Workspace, health: str = "healthy") -> set[str]:
    """Return the IDs of the replicas that run and are `healthy`, or something else."""
    return {c["Id"] for c in platform.containers("app") if (c["State"].get("Health") or {}).get("Status") == health}


def roll_out_each(platform: Workspace, load: Load, releases: Sequence[str], **settings: object) -> None:
    """Roll out one release after the other; each replaces every replica."""
    load.wait_for(200)
    for release in releases:
        before = app_ids(platform)
        platform.configure("backend", release=release, **settings)
        result = platform.run("up")
        assert result.code == 0, result.text
        after = app_ids(platform)
        assert len(after) == REPLICAS
        assert not after & before, "every replica was replaced"
    load.wait_for(REQUESTS)
    assert load.tally.total >= REQUESTS


def is_all_there(platform: Workspace, load: Load) -> None:
    """See that what the load has made can still be had, and that no request failed."""
    assert load.tally.failures.total() == 0, load.tally.failures
    with trusting(platform.url) as client:
        for identity in load.tally.created[:: max(len(load.tally.created) // 20, 1)]:
            assert client.get(f"{PRESENTATIONS}/{identity}").status_code == 200
        assert titles_in_download(client, load.tally.created[0])


def break_release(platform: Workspace, release: str) -> None:
    """Ask for a release that starts and never becomes healthy."""
    platform.configure("backend", release=release, healthCommand=NEVER_HEALTHY, startSeconds=15)


def mend_release(platform: Workspace, release: str) -> None:
    """Ask for a release that works again."""
    platform.configure("backend", release=release, healthCommand=None, startSeconds=180)


def says_why(errors: str) -> None:
    """See that a person is told why a broken release did not come up, and what serves."""
    assert "its health check said" in errors
    assert "redis" in errors
    assert "its last log lines" in errors
    assert "The old release serves on (2 healthy containers)" in errors
    assert "Traceback" not in errors
