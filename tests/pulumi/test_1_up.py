"""A real `pulumi up`: what it makes works, is hardened, leaks nothing, and is left alone by the next one."""

import json

import pytest

from ..support.client import make, titles_in_download, trusting
from ..support.hardening import networks, violations
from ..support.secrets import leaks, leaks_in_image
from ..support.workspace import Result, Workspace, docker

pytestmark = pytest.mark.pulumi

SERVICES = {"app", "minio", "postgres", "redis", "socket-proxy", "traefik"}


def test_up_says_where_the_platform_is_and_shows_no_password(workspace: Workspace, first_up: Result) -> None:
    assert workspace.url in first_up.out
    assert "make password" in first_up.out
    values = [line.split("\t")[1] for line in workspace.run("password").out.splitlines() if "\t" in line]
    assert len(values) == 9, "three logins, three stores' administrators, of two of them a deputy too"
    assert not [value for value in values if value in first_up.text]


def test_a_presentation_is_made_and_downloaded_over_tls(platform: Workspace) -> None:
    with trusting(platform.url, platform.token) as client:
        made = make(client, "Board meeting")
        assert titles_in_download(client, made["id"])[0] == "Board meeting"


def test_every_container_is_hardened(platform: Workspace) -> None:
    servers = [c for c in platform.containers() if c["State"]["Running"]]
    assert {c["Config"]["Labels"]["com.docker.compose.service"] for c in servers} == SERVICES
    assert [line for container in servers for line in violations(container)] == []


def test_every_container_is_healthy_and_compose_lists_it(platform: Workspace) -> None:
    healthy = docker(
        "ps", "--quiet", "--filter", "health=healthy", "--filter", f"label=io.slidegenie.stack={platform.label}"
    ).split()
    assert len(healthy) == len(SERVICES) + 1, "two replicas of the application"
    listed = docker("compose", "-p", "slidegenie-test", "ps", "--format", "json")
    assert listed.count('"Health":"healthy"') == len(healthy)


def test_only_what_must_reach_a_network_is_on_it(platform: Workspace) -> None:
    mark = f"label=io.slidegenie.stack={platform.label}"
    found = json.loads(docker("network", "inspect", *docker("network", "ls", "-q", "--filter", mark).split()))
    zones = {network["Id"]: network["Labels"]["io.slidegenie.zone"] for network in found}
    internal = {zones[network["Id"]] for network in found if network["Internal"]}
    members: dict[str, set[str]] = {zone: set() for zone in zones.values()}
    for container in platform.containers():
        for zone in networks(container, zones) if container["State"]["Running"] else ():
            members[zone].add(container["Config"]["Labels"]["com.docker.compose.service"])
    assert internal == {"control", "data", "monitoring"}
    assert members["edge"] == {"traefik"}
    assert members["control"] == {"traefik", "socket-proxy"}
    assert members["data"] == {"app", "postgres", "redis", "minio"}


def test_no_secret_can_be_read_anywhere(platform: Workspace) -> None:
    values = [line.split("\t")[1] for line in platform.run("password").out.splitlines() if "\t" in line]
    servers = platform.containers(everything=True)
    assert leaks(servers, values) == []
    images = {c["Image"] for c in servers if c["Config"]["Labels"].get("com.docker.compose.service") == "app"}
    assert [line for image in images for line in leaks_in_image(image, values)] == []
    exported = platform.pulumi("stack", "export")
    assert exported.code == 0, exported.text
    assert not [value for value in values if value in exported.out]
    state = "".join(path.read_text(errors="replace") for path in (platform.root / "home" / "state").rglob("*.json"))
    assert not [value for value in values if value in state]
    assert "PRIVATE KEY" not in state


def test_a_second_up_and_a_preview_before_and_after_a_refresh_change_nothing(platform: Workspace) -> None:
    again = platform.run("up")
    assert again.code == 0, again.text
    assert "no changes" in again.out
    assert platform.pulumi("preview", "--expect-no-changes").code == 0
    drift = platform.run("drift")
    assert drift.code == 0, drift.text
    refreshed = platform.pulumi("refresh", "--yes", "--skip-preview")
    assert refreshed.code == 0, refreshed.text
    after = platform.pulumi("preview", "--expect-no-changes", "--diff")
    assert after.code == 0, after.text
