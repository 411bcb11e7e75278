"""`make clean` on a host that others use too: what is there before and after is compared, thing by thing.

It runs on an engine of its own, because it counts everything the engine has.
"""

import datetime
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.core.labels import IMAGE_LABEL, STACK_LABEL

from ..support.own_engine import OwnEngine, missing_for_own_engine
from ..support.workspace import Workspace, docker
from .conftest import missing_for_compose

pytestmark = pytest.mark.engine

_FIRST_PORT = 25380
_BASE = "slidegenie-airgap/debian:bookworm-slim"
_STAND_INS = ("debian", "postgres", "redis", "minio", "traefik", "haproxy")


@dataclass(frozen=True)
class Inventory:
    """Everything on the engine that a cleanup could remove."""

    images: dict[str, frozenset[str]]
    containers: frozenset[str]
    volumes: frozenset[str]
    networks: frozenset[str]
    cache: frozenset[str]

    @classmethod
    def take(cls) -> "Inventory":
        found = json.loads(docker("image", "inspect", *set(docker("image", "ls", "--quiet", "--no-trunc").split())))
        cache = json.loads(docker("system", "df", "--verbose", "--format", "{{json .BuildCache}}")) or []
        return cls(
            images={image["Id"]: frozenset(image["RepoTags"] or ()) for image in found},
            containers=frozenset(docker("ps", "--all", "--quiet", "--no-trunc").split()),
            volumes=frozenset(docker("volume", "ls", "--quiet").split()),
            networks=frozenset(docker("network", "ls", "--quiet").split()),
            cache=frozenset(record["ID"] for record in cache),
        )


@pytest.fixture(scope="module")
def shared_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    if reason := missing_for_compose() or missing_for_own_engine():
        pytest.skip(reason)
    stand_ins = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "slidegenie-airgap/*").split()
    wanted = [image for image in stand_ins if image.split("/")[1].split(":")[0] in _STAND_INS]
    with tempfile.TemporaryDirectory(prefix="sg-", dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        engine = OwnEngine(Path(folder, "engine"), data_mib=64)
        try:
            engine.open()
            engine.start()
            engine.load(wanted)
            patch.setenv("DOCKER_HOST", engine.host)
            yield Workspace.make(tmp_path_factory.mktemp("shared"), "shared", "compose", _FIRST_PORT)
        finally:
            engine.close()


def _build(folder: Path, tag: str, *lines: str, label: str = "") -> str:
    (folder / "Dockerfile").write_text("\n".join([f"FROM {_BASE}", *lines, ""]), encoding="utf-8")
    labels = ["--label", f"{IMAGE_LABEL}={label}"] if label else []
    docker("buildx", "build", "--quiet", "--load", "--tag", tag, *labels, str(folder))
    return docker("image", "inspect", "--format", "{{.Id}}", tag).strip()


def _days_later(stack: Workspace, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as if a month had gone by: nothing here can wait until an image is a day old."""
    python, _, _, *arguments = stack._arguments(*command)
    program = (
        "import sys, datetime as d, slidegenie.maintenance.cleanup as c\n"
        "class Later(d.datetime):\n"
        "    @classmethod\n"
        "    def now(cls, tz=None): return super().now(tz) + d.timedelta(days=30)\n"
        "class Module:\n"
        "    datetime, UTC, timedelta = Later, d.UTC, d.timedelta\n"
        "c.datetime = Module\n"
        "from slidegenie.__main__ import main\n"
        f"sys.exit(main({arguments!r}))\n"
    )
    return subprocess.run([python, "-c", program], **stack._options({}), check=False)


@dataclass(frozen=True)
class Ours:
    """What the stack has on the host."""

    releases: list[str]
    unreleased: str
    forgotten: str
    """A container that has ended and that no rollout knows."""
    running: str
    """A container of the oldest release."""


def _ours(stack: Workspace, folder: Path) -> Ours:
    """Six releases on record, and what is left over of others."""
    folder.mkdir()
    label = stack.label
    command = "CMD sleep 600"
    releases = [
        _build(folder, "slidegenie/backend:latest", f"RUN echo release {number} > /n", command, label=label)
        for number in range(6)
    ]
    record = stack.root / "home" / "images" / f"slidegenie-{stack.stack}.json"
    record.parent.mkdir(parents=True)
    now = datetime.datetime.now(datetime.UTC).isoformat()
    noted = {
        "releases": [{"at": now, "images": [identity]} for identity in releases],
        "pulled": dict.fromkeys(("pulled/ours:1", "pulled/used:1"), now),
        "steps": [f"echo release {number} > /n" for number in range(6)] + ["echo never released > /n"],
    }
    record.write_text(json.dumps(noted), encoding="utf-8")
    unreleased = _build(folder, "slidegenie/backend:broken", "RUN echo never released > /n", label=label)
    mark = ["--label", f"{STACK_LABEL}={label}"]
    # Compose marks its own; without that, it would be Pulumi's.
    made_by = ("--label", "com.docker.compose.volume=postgres")
    docker("volume", "create", *mark, *made_by, "--label", "io.slidegenie.data=postgres", "our-data")
    docker("create", "--name", "forgotten", "--volume", "our-data:/d", *mark, _BASE)
    running = docker("run", "--detach", *mark, releases[0]).strip()
    return Ours(releases, unreleased, docker("inspect", "--format", "{{.Id}}", "forgotten").strip(), running)


def _theirs(folder: Path, label: str) -> None:
    """Fill the host with what is somebody else's: images, containers, volumes, networks and a cache of its own."""
    folder.mkdir()
    _build(folder, "them/app:1", "RUN echo theirs > /t")
    docker("image", "rm", "them/app:1")
    _build(folder, "them/app:2", "RUN echo theirs 1 > /t", label="slidegenie/other")
    _build(folder, "them/dangling:1", "RUN echo dangling > /t")
    _build(folder, "them/dangling:1", "RUN echo dangling no more > /t")
    docker("tag", _BASE, "pulled/theirs:1")
    _build(folder, "pulled/used:1", "RUN echo pulled used > /t")
    _build(folder, "pulled/ours:1", "RUN echo pulled ours > /t")
    _build(folder, "slidegenie/backend:by-hand", "RUN echo by hand > /t")
    docker("tag", _build(folder, "slidegenie/backend:archived", "RUN echo archived > /n", label=label), "archive/it:1")
    docker("volume", "create", "their-data")
    docker("network", "create", "their-network")
    docker("run", "--detach", "--name", "running", "--network", "their-network", "pulled/used:1", "sleep", "600")
    docker("run", "--name", "stopped", "--volume", "their-data:/data", _BASE, "true")
    docker("create", "--name", "other-stack", "--label", f"{STACK_LABEL}=slidegenie/other", _BASE)


def test_clean_removes_what_is_the_stacks_and_unneeded_and_nothing_else(shared_host: Workspace, tmp_path: Path) -> None:
    stack = shared_host
    ours = _ours(stack, tmp_path / "ours")
    _theirs(tmp_path / "theirs", stack.label)

    before = Inventory.take()
    young = stack.run("clean")
    assert young.code == 0, young.text
    assert Inventory.take() == before, "what is a day old at most may belong to a rollout"

    dry = _days_later(stack, "clean", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert Inventory.take() == before, "a dry run removes nothing"
    assert "would remove 1 containers, 2 images" in dry.stdout, dry.stdout

    done = _days_later(stack, "clean")
    assert done.returncode == 0, done.stderr
    after = Inventory.take()
    gone = {identity: tags for identity, tags in before.images.items() if identity not in after.images}
    pulled = next(identity for identity, tags in before.images.items() if "pulled/ours:1" in tags)
    assert set(gone) == {ours.unreleased, pulled}
    # Release 0 is the sixth last and would go; its container runs, so it stays. Its own tags are as they were.
    assert {identity: after.images[identity] for identity in after.images} == {
        identity: tags for identity, tags in before.images.items() if identity not in gone
    }
    assert before.containers - after.containers == {ours.forgotten}
    assert ours.running in after.containers
    assert (after.volumes, after.networks) == (before.volumes, before.networks)
    assert "removed 1 containers, 2 images" in done.stdout, done.stdout

    docker("rm", "--force", ours.running)
    assert _days_later(stack, "clean").returncode == 0
    last = Inventory.take()
    assert set(after.images) - set(last.images) == {ours.releases[0]}, "the sixth last release, once nothing runs it"
    # The cache of steps that no image has any more is ours to remove; that of the others is all there.
    descriptions = docker("system", "df", "--verbose", "--format", "{{json .BuildCache}}")
    assert not re.search(r"echo never released|echo release 0", descriptions)
    for other in ("echo theirs > /t", "echo by hand", "echo dangling", "echo release 5", "echo pulled ours"):
        assert json.dumps(other)[1:-1].replace(">", "\\u003e") in descriptions, other


def test_without_a_record_of_what_must_stay_nothing_is_removed(shared_host: Workspace, tmp_path: Path) -> None:
    before = Inventory.take()
    refused = shared_host.run("clean", SLIDEGENIE_HOME=str(tmp_path))
    assert refused.code == 1
    assert "nothing was removed; `make up` writes the record" in refused.err
    assert Inventory.take() == before
