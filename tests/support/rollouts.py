"""Rollouts of the application while people use it, whichever engine carries them out."""

from collections.abc import Sequence

from .client import PRESENTATIONS, titles_in_download, trusting
from .load import Load
from .workspace import NEVER_HEALTHY, Result, Workspace

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
    with trusting(platform.url, platform.token) as client:
        for identity in load.tally.created[:: max(len(load.tally.created) // 20, 1)]:
            assert client.get(f"{PRESENTATIONS}/{identity}").status_code == 200
        assert titles_in_download(client, load.tally.created[0])


def orphans(platform: Workspace) -> list[str]:
    """Return the names of the stack's containers that its state does not know."""
    known = platform.pulumi("stack", "export").out
    return [c["Name"] for c in platform.containers(everything=True) if c["Id"] not in known]


def break_release(platform: Workspace, release: str) -> None:
    """Ask for a release that starts and never becomes healthy."""
    platform.configure("backend", release=release, healthCommand=NEVER_HEALTHY, startSeconds=15)


def mend_release(platform: Workspace, release: str) -> None:
    """Ask for a release that works again."""
    platform.configure("backend", release=release, healthCommand=None, startSeconds=180)


def see_it_break(platform: Workspace, release: str) -> Result:
    """Roll out a release that never becomes healthy; a person is told why."""
    break_release(platform, release)
    broken = platform.run("up")
    assert broken.code == 1, broken.text
    says_why(broken.err)
    return broken


def see_it_mended(platform: Workspace, release: str) -> None:
    """Roll out a release that works again."""
    mend_release(platform, release)
    fixed = platform.run("up")
    assert fixed.code == 0, fixed.text


def says_why(errors: str) -> None:
    """See that a person is told why a broken release did not come up, and what serves."""
    assert "its health check said" in errors
    assert "redis" in errors
    assert "its last log lines" in errors
    assert "The old release serves on (2 healthy containers)" in errors
    assert "Traceback" not in errors
