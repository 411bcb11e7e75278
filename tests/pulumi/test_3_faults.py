"""Things that go wrong at night: killed updates, changes by hand, wrong passphrases, and stops."""

import os
import signal
from dataclasses import replace

import pytest

from ..support.client import make, titles_in_download, trusting
from ..support.rollouts import orphans
from ..support.workspace import Workspace, docker

pytestmark = pytest.mark.pulumi


@pytest.mark.parametrize(
    ("release", "moment", "sent", "said"),
    [
        ("2.0.0", "building slidegenie-app", signal.SIGKILL, "an earlier update was killed"),
        ("2.0.1", "container slidegenie-app-migrate", signal.SIGKILL, "an earlier update was killed"),
        # By then the first new replica serves, and both old ones do.
        ("2.0.2", "container slidegenie-app-1", signal.SIGKILL, "an earlier update was killed"),
        # What Ctrl-C sends, to everything that runs in the terminal.
        ("2.0.3", "container slidegenie-app-1", signal.SIGINT, ""),
    ],
)
def test_an_update_that_was_interrupted_is_finished_by_the_next_one(
    platform: Workspace, release: str, moment: str, sent: signal.Signals, said: str
) -> None:
    platform.configure("backend", release=release)
    update = platform.start("up")
    assert update.stdout is not None
    for line in update.stdout:
        if moment in line:
            break
    os.killpg(update.pid, sent)
    rest, _ = update.communicate()
    assert "Traceback" not in rest
    assert (update.returncode, "nothing is lost" in rest) == ((-sent, False) if said else (130, True)), rest
    after = platform.run("up")
    assert after.code == 0, after.text
    assert said in after.out, "the lock is explained"
    assert {c["Config"]["Labels"]["io.slidegenie.release"] for c in platform.containers("app")} == {release}
    healthy = [c for c in platform.containers("app") if c["State"]["Health"]["Status"] == "healthy"]
    assert len(platform.containers("app")) == len(healthy) == 2
    assert orphans(platform) == []


def test_a_stack_that_another_state_brought_up_is_left_alone(platform: Workspace) -> None:
    before = {c["Id"] for c in platform.containers()}
    for engine, said in (
        ("pulumi", "was brought up by another user, from another machine"),
        ("compose", "was brought up with Pulumi, so ENGINE=compose knows neither its passwords"),
    ):
        other = replace(platform, engine=engine).run("up", SLIDEGENIE_HOME=str(platform.root / "other-home"))
        assert other.code == 1, other.text
        assert said in other.err
        assert {c["Id"] for c in platform.containers()} == before


def test_a_container_removed_by_hand_is_named_by_drift_and_made_again(platform: Workspace) -> None:
    victim = platform.containers("redis")[0]["Id"]
    docker("rm", "--force", victim)
    assert "redis" in platform.run("drift").out
    fixed = platform.run("up")
    assert fixed.code == 0, fixed.text
    assert platform.containers("redis")[0]["State"]["Health"]["Status"] == "healthy"
    assert "no changes" in platform.run("up").out


def test_a_volume_and_a_network_removed_by_hand_are_made_again_with_all_that_was_on_them(platform: Workspace) -> None:
    volume, network = f"slidegenie-{platform.stack}-redis", _control_network(platform)
    users = [c["Id"] for c in platform.containers(everything=True) if any(m.get("Name") == volume for m in c["Mounts"])]
    docker("rm", "--force", *users)
    docker("volume", "rm", volume)
    assert _on(network, platform) == {"traefik", "socket-proxy"}
    for member in platform.containers():
        if network in member["NetworkSettings"]["Networks"]:
            docker("network", "disconnect", "--force", network, member["Id"])
    docker("network", "rm", network)
    fixed = platform.run("up")
    assert fixed.code == 0, fixed.text
    assert docker("volume", "ls", "--quiet", "--filter", f"name=^{volume}$").strip() == volume
    assert _on(_control_network(platform), platform) == {"traefik", "socket-proxy"}
    with trusting(platform.url, platform.token) as client:
        make(client, "After the repair")


def _control_network(platform: Workspace) -> str:
    marks = (f"label=io.slidegenie.stack={platform.label}", "label=io.slidegenie.zone=control")
    filters = [part for mark in marks for part in ("--filter", mark)]
    return docker("network", "ls", "--format", "{{.Name}}", *filters).strip()


def _on(network: str, platform: Workspace) -> set[str]:
    found = [c for c in platform.containers() if network in c["NetworkSettings"]["Networks"]]
    return {c["Config"]["Labels"]["com.docker.compose.service"] for c in found}


def test_a_built_image_removed_by_hand_is_built_again(platform: Workspace) -> None:
    # By force: containers that were created from it, to fill volumes, keep it otherwise.
    docker("image", "rm", "--force", f"slidegenie/seed:1-slidegenie-{platform.stack}")
    assert platform.run("refresh").code == 0
    fixed = platform.run("up")
    assert fixed.code == 0, fixed.text
    assert "no changes" in platform.run("up").out


def test_a_wrong_passphrase_is_one_clear_line(platform: Workspace) -> None:
    result = platform.run("preview", PULUMI_CONFIG_PASSPHRASE="wrong")
    assert result.code == 1
    assert "the passphrase does not fit this stack" in result.err
    assert "Traceback" not in result.text


def test_down_keeps_the_data_and_the_next_up_serves_it_again(platform: Workspace) -> None:
    with trusting(platform.url, platform.token) as client:
        kept = make(client, "Kept through a stop")
    down = platform.run("down")
    assert down.code == 0, down.text
    assert [c for c in platform.containers(everything=True) if c["State"]["Running"]] == []
    up = platform.run("up")
    assert up.code == 0, up.text
    with trusting(platform.url, platform.token) as client:
        assert titles_in_download(client, kept["id"])[0] == "Kept through a stop"
