"""Going back under load: after a release that came up, after one that did not, and where the database says no."""

import json
import re

import pytest

from ..conftest import Figures
from ..support.load import Load
from ..support.rollouts import break_release
from ..support.workspace import Workspace

pytestmark = pytest.mark.pulumi

_PLAIN_UP = ("up", "--yes", "--skip-preview")
_VERSION = "app/migrations/versions/0002_breaking.py"
_BREAKING = '''"""A migration that the release before it cannot live with."""

revision = "0002"
down_revision = "0001"
compatible_back_to = "0002"


def upgrade() -> None:
    """Change nothing: what counts here is what it says."""
'''


def _versions(platform: Workspace) -> set[str]:
    return {c["Config"]["Labels"]["io.slidegenie.release"] for c in platform.containers("app")}


def _up(platform: Workspace, release: str) -> None:
    platform.configure("backend", release=release, healthCommand=None, startSeconds=60)
    result = platform.run("up")
    assert result.code == 0, result.text


def test_a_rollback_mends_a_bad_release_and_a_broken_one_without_a_failed_request(
    platform: Workspace, figures: Figures
) -> None:
    _up(platform, "0.9.0")
    with Load(platform.url, platform.token) as load:
        load.wait_for(200)
        _up(platform, "0.9.1")

        # It came up, and is bad all the same.
        back = platform.run("rollback")
        assert back.code == 0, back.text
        assert "going back to 0.9.0" in back.out
        assert _versions(platform) == {"0.9.0"}

        # It does not come up: what serves is where a rollback goes.
        break_release(platform, "0.9.2")
        assert platform.run("up").code == 1
        back = platform.run("rollback")
        assert back.code == 0, back.text
        assert "going back to 0.9.0" in back.out
        assert _versions(platform) == {"0.9.0"}
        load.wait_for(1000)
    figures(str(load.tally))
    assert load.tally.failures.total() == 0, load.tally.failures
    assert len(platform.containers("app")) == 2, "nothing of the broken one is left"
    listed = platform.run("releases")
    verdicts = dict(re.findall(r"^(?:\*|  )\s*\d+ +(\S+) .* (\S+)$", listed.out, re.MULTILINE))
    assert (verdicts["0.9.0"], verdicts["0.9.1"]) == ("runs", "abandoned"), listed.out


def test_plain_pulumi_goes_back_by_a_setting_and_forward_again(platform: Workspace) -> None:
    _up(platform, "0.8.0")
    _up(platform, "0.8.1")
    releases = json.loads(platform.pulumi("stack", "output", "releases", "--json").out)
    (number,) = (release["number"] for release in releases["known"] if release["version"] == "0.8.0")
    assert releases["current"] == number + 1

    platform.configure("backend", rollback=number + 2)
    refused = platform.pulumi(*_PLAIN_UP)
    assert refused.code != 0
    assert f"backend.rollback: is {number + 2}, and the stack has no such release; it knows" in refused.text
    assert "Traceback" not in refused.text

    platform.configure("backend", rollback=number)
    back = platform.pulumi(*_PLAIN_UP)
    assert back.code == 0, back.text
    assert _versions(platform) == {"0.8.0"}
    assert platform.pulumi("preview", "--expect-no-changes").code == 0

    platform.configure("backend", rollback=None)
    forward = platform.pulumi(*_PLAIN_UP)
    assert forward.code == 0, forward.text
    assert _versions(platform) == {"0.8.1"}
    releases = json.loads(platform.pulumi("stack", "output", "releases", "--json").out)
    known = {release["number"]: release["abandoned"] for release in releases["known"]}
    assert (releases["current"], releases["held"]) == (number + 2, False)
    assert (known[number], known[number + 1], known[number + 2]) == (False, True, False)


def test_a_database_that_cannot_go_back_is_refused_with_the_reason(platform: Workspace) -> None:
    _up(platform, "0.9.3")
    migration = platform.root / "docker" / "backend" / _VERSION
    migration.write_text(_BREAKING, encoding="utf-8")
    try:
        _up(platform, "0.9.4")
        serving = {c["Id"] for c in platform.containers("app")}

        refused = platform.run("rollback")
        assert refused.code == 1
        assert "nothing was changed: the database is at revision 0002" in refused.err

        # Who goes back all the same is stopped by the older release itself, before anything is replaced.
        forced = platform.run("rollback", "--force")
        assert forced.code == 1
        assert "a release of revision 0001 does not work on it" in forced.err
        assert {c["Id"] for c in platform.containers("app")} == serving
    finally:
        # The other tests' releases work on it: it changed nothing.
        migration.write_text(_BREAKING.replace('"0002"\n\n', '"0001"\n\n'), encoding="utf-8")
        _up(platform, "0.9.5")
