"""The policy where Pulumi is: the pack in a real preview, and `make up` that refuses before it changes anything."""

from collections.abc import Iterator

import pytest

from ..support.workspace import Workspace

pytestmark = pytest.mark.pulumi

_BY_HAND = """
import pulumi_docker

pulumi_docker.Container(
    "by-hand",
    image="slidegenie-airgap/debian:bookworm-slim",
    privileged=True,
    envs=["DB_PASSWORD=hunter2"],
    mounts=[pulumi_docker.ContainerMountArgs(type="bind", source="/var/run/docker.sock", target="/docker.sock")],
)
"""


_PACK = "security"
"""The policy pack, as a person names it."""


@pytest.fixture
def strict(platform: Workspace) -> Iterator[Workspace]:
    """The running stack, whose settings now say that the policy is mandatory."""
    platform.configure("policy", enforcement="mandatory")
    # The commands hand the settings to Pulumi.
    assert platform.run("preview").code == 0
    yield platform
    platform.configure("policy", enforcement=None)
    platform.run("preview")


@pytest.fixture
def with_a_bad_container(strict: Workspace) -> Iterator[Workspace]:
    """The same, and somebody put a container of his own into the program."""
    program = strict.root / "__main__.py"
    before = program.read_text(encoding="utf-8")
    program.write_text(before + _BY_HAND, encoding="utf-8")
    yield strict
    program.write_text(before, encoding="utf-8")


def test_the_pack_passes_the_platform(strict: Workspace) -> None:
    result = strict.pulumi("preview", "--policy-pack", _PACK)

    assert result.code == 0, result.text
    assert "container-security@v0.1.0" in result.out
    assert "[mandatory]" not in result.text
    assert "[advisory]" not in result.text, "what is up to date is known, and nothing of it is left unjudged"


def test_the_pack_stops_a_preview_and_says_what_why_and_how(with_a_bad_container: Workspace) -> None:
    result = with_a_bad_container.pulumi("preview", "--policy-pack", _PACK)

    assert result.code != 0
    found = {line.split("[mandatory]")[1].split()[0] for line in result.out.splitlines() if "[mandatory]" in line}
    assert found == {
        "user",
        "privileged",
        "capabilities",
        "noNewPrivileges",
        "memory",
        "cpu",
        "pids",
        "logs",
        "restart",
        "healthCheck",
        "readOnlyRoot",
        "network",
        "hostMounts",
        "readOnlyMounts",
        "imagePinned",
        "secrets",
    }
    assert "by-hand: mounts[0].source is docker.sock, which is as good as root on the host" in result.out
    fix = (
        "use a volume (of the host, a folder such as /srv/...); to ask Docker something, go through the socket-proxy's"
    )
    assert f"fix: {fix} allow-list" in result.out
    assert "hunter2" not in result.text


def test_make_up_refuses_before_it_changes_anything(with_a_bad_container: Workspace) -> None:
    before = {container["Id"] for container in with_a_bad_container.containers(everything=True)}

    result = with_a_bad_container.run("up")

    assert result.code == 1
    assert f"stack {with_a_bad_container.stack} breaks the container policy, nothing was changed" in result.err
    assert "rolling out" not in result.out
    assert {container["Id"] for container in with_a_bad_container.containers(everything=True)} == before
    assert "hunter2" not in result.text
