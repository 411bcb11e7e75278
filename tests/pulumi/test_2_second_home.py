"""A second home folder, a second clone and the same state, in a bucket: the same results as from the first."""

import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from ..support.workspace import ROOT, Result, Workspace, docker
from .conftest import missing

pytestmark = pytest.mark.pulumi

_STORE = "slidegenie-test-states"
_PATIENCE_SECONDS = 60
_STATE_IN_A_FOLDER = ("PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_ACCESS_TOKEN")
"""What people may have set that would take precedence."""


@dataclass(frozen=True)
class Person:
    """Somebody with a clone and a home folder of their own."""

    workspace: Workspace

    def run(self, command: str, *options: str) -> Result:
        """Run a command, which must succeed."""
        result = self.workspace.run(command, *options)
        assert result.code == 0, result.text
        return result

    def drift(self) -> list[str]:
        """Return what differs from the state, without what depends on the minute."""
        return re.findall(r"^ +[-+~]* ?\d+ (?:to \w+|unchanged)", self.run("drift").out, re.MULTILINE)

    def versions(self) -> dict[str, str]:
        """Return what `make releases` says of each version."""
        listed = self.run("releases").out
        return dict(re.findall(r"^(?:\*|  )\s*\d+ +(\S+) .* (\S+)$", listed, re.MULTILINE))

    def serving(self) -> set[str]:
        """Return the versions that run."""
        return {c["Config"]["Labels"]["io.slidegenie.release"] for c in self.workspace.containers("app")}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """Return the address of an empty bucket that keeps states, and its keys in the environment."""
    if reason := missing():
        pytest.skip(reason)
    images = yaml.safe_load((ROOT / "Pulumi.airgap.yaml").read_text(encoding="utf-8"))["config"]["slidegenie:images"]
    if _STORE in docker("ps", "--all", "--format", "{{.Names}}").split():
        docker("rm", "--force", "--volumes", _STORE)
    login = {"MINIO_ROOT_USER": "states", "MINIO_ROOT_PASSWORD": "of-stacks-in-tests"}
    environment = [part for name, value in login.items() for part in ("--env", f"{name}={value}")]
    serve = "mkdir -p /data/states && exec minio server /data"
    options = ("--detach", "--name", _STORE, "--publish", "127.0.0.1::9000", *environment, "--tmpfs", "/data:mode=0777")
    docker("run", *options, "--entrypoint", "sh", images["minio"], "-c", serve)
    try:
        address = docker("port", _STORE, "9000/tcp").strip()
        _wait_for(f"http://{address}/minio/health/live")
        with pytest.MonkeyPatch.context() as environ:
            for name in _STATE_IN_A_FOLDER:
                environ.delenv(name, raising=False)
            url = f"s3://states?endpoint={address}&disableSSL=true&s3ForcePathStyle=true"
            environ.setenv("PULUMI_BACKEND_URL", url)
            environ.setenv("PULUMI_CONFIG_PASSPHRASE", "known to both")
            environ.setenv("AWS_ACCESS_KEY_ID", login["MINIO_ROOT_USER"])
            environ.setenv("AWS_SECRET_ACCESS_KEY", login["MINIO_ROOT_PASSWORD"])
            environ.setenv("AWS_REGION", "us-east-1")
            yield url
    finally:
        docker("rm", "--force", "--volumes", _STORE)


@pytest.fixture(scope="module")
def people(bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Person, Person]]:  # noqa: ARG001
    """Return two who share a stack; the first one has brought up two releases."""
    first, second = (Workspace.make(tmp_path_factory.mktemp(name), "shared", "pulumi", 18090) for name in ("a", "b"))
    first.destroy()
    try:
        for release in ("1.0.0", "1.1.0"):
            for workspace in (first, second):
                workspace.configure("backend", release=release, startSeconds=180)
            Person(first).run("up")
        yield Person(first), Person(second)
    finally:
        first.destroy()


def test_who_can_open_the_state_sees_the_same(people: tuple[Person, Person]) -> None:
    first, second = people
    assert second.versions() == first.versions() == {"1.1.0": "runs", "1.0.0": "yes"}
    assert second.drift() == first.drift()
    assert not any("to" in line for line in first.drift())


def test_a_rollback_and_a_rotation_from_another_home(people: tuple[Person, Person]) -> None:
    first, second = people
    assert "going back to 1.0.0" in second.run("rollback").out
    assert second.serving() == {"1.0.0"}
    assert first.versions() == second.versions() == {"1.1.0": "abandoned", "1.0.0": "runs"}

    assert "redis is rotated" in second.run("rotate", "redis").out
    assert first.serving() == {"1.0.0"}, "a rotation keeps what a rollback put there"
    assert first.versions() == second.versions() == {"1.1.0": "abandoned", "1.0.0": "runs"}

    docker("rm", "--force", first.workspace.containers("app")[0]["Id"])
    assert second.drift() == first.drift()
    assert any("to delete" in line for line in second.drift())
    first.run("up")
    assert second.serving() == {"1.1.0"}, "settings and code of both say so"
    assert second.drift() == first.drift()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - http, on this machine
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, f"{address} does not answer"
            time.sleep(0.5)
        else:
            return
