"""What breaks while people work: whatever the platform acknowledged before, during and after is there. All of it.

It runs on an engine of its own, so that the engine itself can be killed and its disk be filled.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.settings import REFERENCE_HEALTH, REFERENCE_MIGRATIONS
from slidegenie.plan import StackProgram

from ..conftest import Figures
from ..support.client import bearing, example
from ..support.own_engine import OwnEngine, missing_for_own_engine
from ..support.workspace import ROOT, Workspace, docker
from ..support.writers import Write, Writers
from .conftest import missing_for_compose

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

_FIRST_PORT = 25280
_BACKEND = "slidegenie-faults/backend:1"
_STAND_INS = ("debian", "python", "postgres", "redis", "minio", "traefik", "haproxy")
_SERVERS = ("app", "postgres", "redis", "minio", "traefik", "socket-proxy")
_DATA_MIB = 512
_ENOUGH = 60
"""Writes before a fault and after it."""


@dataclass
class Struck:
    """The platform that has to bear it all, and its engine."""

    engine: OwnEngine
    platform: Workspace
    token: str

    def writers(self) -> Writers:
        return Writers(self.platform.url, self.token, self.engine.enter)

    def until_healthy(self, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while sick := self._sick():
            assert time.monotonic() < deadline, f"not healthy within {seconds} s: {sick}"
            time.sleep(0.5)

    def _sick(self) -> list[str]:
        running = {
            c["Config"]["Labels"]["com.docker.compose.service"]: (c["State"].get("Health") or {}).get("Status")
            for c in self.platform.containers()
        }
        return [service for service in _SERVERS if running.get(service) != "healthy"]


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Struck]:
    if reason := missing_for_compose() or missing_for_own_engine():
        pytest.skip(reason)
    _build_backend()
    stand_ins = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "slidegenie-airgap/*").split()
    wanted = [image for image in stand_ins if image.split("/")[1].split(":")[0] in _STAND_INS]
    before = _first_engine()
    with tempfile.TemporaryDirectory(prefix="sg-", dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        engine = OwnEngine(Path(folder, "engine"), data_mib=_DATA_MIB)
        try:
            engine.open()
            engine.start()
            engine.load([*wanted, _BACKEND])
            patch.setenv("DOCKER_HOST", engine.host)
            platform = Workspace.make(tmp_path_factory.mktemp("struck"), "struck", "compose", _FIRST_PORT)
            commands = {"healthCommand": [*REFERENCE_HEALTH], "migrateCommand": [*REFERENCE_MIGRATIONS]}
            platform.configure("backend", image=_BACKEND, tokens=["default"], **commands)
            platform.configure("engine", dataRoot=str(engine.data_root))
            engine.run("install", "-d", "-o", "1000", "-g", "1000", "-m", "0750", *_data_folders(platform))
            up = platform.run("up")
            assert up.code == 0, up.text
            yield Struck(engine, platform, platform.token)
        finally:
            engine.close()
    assert _first_engine() == before, "the machine's own engine was touched"


def _build_backend() -> None:
    context = ROOT / "docker" / "backend"
    docker(
        "buildx", "build", "--quiet", "--load", "--tag", _BACKEND, "--target", "production",
        "--build-arg", "PYTHON_IMAGE=slidegenie-airgap/python:3.11-slim",
        "--file", str(context / "debian.Dockerfile"), str(context),
    )  # fmt: skip


def _data_folders(platform: Workspace) -> list[str]:
    """Return the folders of all data volumes; also on this side of the namespace, where `make up` looks for them."""
    plan = StackProgram.read(platform.root, platform.stack).plan()
    volumes = [v.inputs.get("driverOpts") for v in plan.of_type("docker:index/volume:Volume")]
    folders = [str(options["device"]) for options in volumes if options]
    assert folders
    for folder in folders:
        Path(folder).mkdir(parents=True)
    return folders


def _first_engine() -> tuple[str, str]:
    """Return the networks and, where they can be read, the firewall rules of the machine's engine."""
    rules = subprocess.run(["iptables-save", "--table", "nat"], capture_output=True, text=True, check=False)  # noqa: S607
    own = [line for line in rules.stdout.splitlines() if str(_FIRST_PORT + 1) in line]
    return docker("ps", "--all", "--quiet", "--filter", "label=io.slidegenie.stack=slidegenie/struck"), "".join(own)


def _acknowledged(at_least: int) -> Callable[[list[Write]], bool]:
    return lambda writes: sum(1 for write in writes if write.identity) >= at_least


def _through(struck: Struck, figures: Figures, fault: Callable[[Writers], AbstractContextManager[None] | None]) -> None:
    """Write, let it happen, write on until all is well, and look whether all that was acknowledged is there."""
    struck.until_healthy()
    with struck.writers() as writers:
        writers.wait_for(_acknowledged(_ENOUGH), "writes before the fault")
        at = time.monotonic()
        fault(writers)
        struck.until_healthy()
        writers.wait_for(_acknowledged(_ENOUGH), "writes after the fault")
    figures(writers.figures(since=at))
    assert len(writers.acknowledged) >= 2 * _ENOUGH
    assert writers.lost() == []


def test_a_write_that_is_gone_is_noticed(struck: Struck) -> None:
    """All tests below go by this comparison, so it is seen to find something."""
    with struck.writers() as writers:
        writers.wait_for(_acknowledged(5), "a few writes")
    victim = writers.acknowledged[2]
    gone = struck.engine.inside(lambda: httpx.delete(f"{_write_url(struck)}/{victim.identity}", **_asking(struck)))
    assert gone.is_success
    lost = writers.lost()
    assert len(lost) == 1
    assert lost[0].startswith(f"{victim.title} ({victim.identity})")


@pytest.mark.parametrize("service", ["app", "postgres", "redis", "minio", "traefik"])
def test_nothing_is_lost_when_a_main_process_is_killed_under_load(
    struck: Struck, figures: Figures, service: str
) -> None:
    def kill(writers: Writers) -> None:
        victim = struck.platform.containers(service)[0]
        os.kill(victim["State"]["Pid"], signal.SIGKILL)
        _until_restarted(struck, service, victim)
        writers.wait_for(lambda writes: len(writes) >= _ENOUGH, "requests go on")

    _through(struck, figures, kill)


def test_nothing_is_lost_when_the_backend_reaches_its_memory_limit(struck: Struck, figures: Figures) -> None:
    def exhaust(_: Writers) -> None:
        victim = struck.platform.containers("app")[0]
        started = int(time.time())
        for process in docker("top", victim["Id"], "-o", "pid").split()[1:]:
            # The kernel takes the largest; that is to be the backend, and not what eats its memory. Health checks end.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                Path("/proc", process, "oom_score_adj").write_text("900", encoding="ascii")
        eater = "import time\nhoard = []\nwhile True:\n    hoard.append(bytearray(8 << 20)); time.sleep(0.02)"
        subprocess.run(["docker", "exec", victim["Id"], "python", "-c", eater], capture_output=True, check=False)  # noqa: S607
        kills = docker(
            "events", "--since", str(started), "--until", str(int(time.time()) + 1),
            "--filter", "event=oom", "--filter", f"container={victim['Id']}",
        )  # fmt: skip
        assert "oom" in kills, "the limit was not reached"
        _until_restarted(struck, "app", victim)

    _through(struck, figures, exhaust)


def test_nothing_is_lost_when_the_docker_daemon_is_killed(struck: Struck, figures: Figures) -> None:
    def crash(_: Writers) -> None:
        struck.engine.kill()
        # What systemd does for the machine's engine.
        struck.engine.start()

    _through(struck, figures, crash)


def test_nothing_is_lost_when_the_disk_of_the_data_is_full(struck: Struck, figures: Figures) -> None:
    filler = struck.engine.data_root / "filler"

    def fill(writers: Writers) -> None:
        struck.engine.run("sh", "-c", f"dd if=/dev/zero of={filler} bs=1M 2>/dev/null; sync; test -s {filler}")
        free = struck.engine.run("stat", "-f", "-c", "%a", str(struck.engine.data_root)).strip()
        assert int(free) * 4 < 1024, f"the disk is not full: {free} blocks"
        writers.wait_for(lambda writes: sum(1 for w in writes if w.failure) >= _ENOUGH // 3, "writes are refused")
        refused = struck.engine.inside(lambda: httpx.post(_write_url(struck), json=example(), **_asking(struck)))
        assert refused.status_code >= 500, "what cannot be kept must not be acknowledged"
        struck.engine.run("rm", str(filler))

    _through(struck, figures, fill)


def _asking(struck: Struck) -> dict[str, Any]:
    return {"headers": bearing(struck.token), "timeout": 30}


def _write_url(struck: Struck) -> str:
    return f"http://localhost:{struck.platform.ports[2]}/api/v1/presentations"


def _until_restarted(struck: Struck, service: str, victim: dict[str, object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    state = victim["State"]
    assert isinstance(state, dict)
    while not any(
        c["Id"] == victim["Id"] and c["State"]["Running"] and c["State"]["StartedAt"] != state["StartedAt"]
        for c in struck.platform.containers(service)
    ):
        assert time.monotonic() < deadline, f"{service} was not started again within {seconds} s"
        time.sleep(0.2)
