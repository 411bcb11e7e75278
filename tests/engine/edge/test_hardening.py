"""Every container of a running platform against the CIS Docker Benchmark."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ...support.hardening import image_violations, is_exempt, needless, service, violations
from ...support.workspace import docker
from .conftest import Edge

pytestmark = pytest.mark.engine

_BENCH = ("docker-bench-security", "docker-bench-security.sh")
_IMAGES_ELSEWHERE = {
    "4.5": "docs/edge.md: digests and signatures stand for Docker's own content trust",
    "4.6": "a vendor's image leaves its health to the container, which the test above looks at",
}
"""Checks of images that the tool warns of, and what stands for each."""
SERVERS = {
    *("alertmanager", "app", "minio", "node-exporter", "postgres", "postgres-exporter", "prometheus", "redis"),
    *("redis-exporter", "socket-proxy", "traefik"),
}


def test_every_container_passes_section_5_or_has_a_written_exception(edge: Edge) -> None:
    running = edge.stack.containers()

    assert {service(container) for container in running} == SERVERS
    assert [line for container in running for line in violations(container)] == []


def test_jobs_that_ended_were_no_softer(edge: Edge) -> None:
    ended = [c for c in edge.stack.containers(everything=True) if not c["State"]["Running"]]

    assert {"migrate", "postgres-monitor-role"} <= {service(container) for container in ended}
    assert [line for container in ended for line in violations(container)] == []


def test_no_exception_is_there_for_nothing(edge: Edge) -> None:
    assert needless(edge.stack.containers()) == []


def test_our_image_passes_section_4(edge: Edge) -> None:
    (image,) = {container["Image"] for container in edge.stack.containers("app")}

    assert image_violations(json.loads(docker("image", "inspect", image))[0]) == []


def test_every_image_that_runs_passes_section_4_or_its_container_does(edge: Edge) -> None:
    """A vendor's image says neither user nor health: then its container must."""
    servers = edge.stack.containers()
    images = {c["Image"]: json.loads(docker("image", "inspect", c["Image"]))[0] for c in servers}

    assert {service(container) for container in servers} == SERVERS
    assert [line for c in servers for line in image_violations(images[c["Image"]], c)] == []


def test_docker_bench_security_warns_of_nothing_that_nobody_decided(edge: Edge, tmp_path: Path) -> None:
    """The tool of the benchmark's own people, where it is: the tests above have the same checks everywhere."""
    if (bench := next(filter(None, map(shutil.which, _BENCH)), None)) is None:
        pytest.skip(f"{_BENCH[0]} is not on PATH; the other tests of this file ask the same of the engine")
    running = {container["Name"].lstrip("/"): container for container in edge.stack.containers()}
    short_ids = {container["Image"].removeprefix("sha256:")[:12] for container in running.values()}
    log = tmp_path / "bench"
    done = subprocess.run(
        [bench, "-b", "-c", "container_images,container_runtime", "-i", ",".join([*running, *short_ids]), "-l", log],
        # It reads its checks from beside itself, and writes a folder there.
        cwd=Path(bench).resolve().parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = [r for part in json.loads(Path(f"{log}.json").read_text())["tests"] for r in part["results"]]
    # Edition 1.6 has put a check in front of section 5.
    late = int(any(r["id"] == "5.1" and "AppArmor" in r["desc"] for r in results))
    # "If applicable", says its title: where the kernel has no AppArmor, nothing has a profile.
    not_here = set() if "apparmor" in docker("info", "--format", "{{.SecurityOptions}}") else {"5.2"}
    warned = []
    for result in (result for result in results if result["result"] == "WARN"):
        section, _, number = result["id"].partition(".")
        check = f"5.{int(number) + late}" if section == "5" else result["id"]
        named = [item for item in result.get("items", []) if item in running]
        if check in not_here:
            continue
        if section == "5" or check == "4.1":
            warned += [f"{check} {name}" for name in named if not is_exempt(service(running[name]), check)]
        elif check not in _IMAGES_ELSEWHERE:
            warned.append(f"{check} {result.get('details')}")

    assert len(results) > len(_IMAGES_ELSEWHERE), done.stdout
    assert warned == []


@pytest.mark.usefixtures("edge")
def test_the_engine_is_no_swarm_nobody_asked_for() -> None:
    """Check 5.1: a swarm opens ports."""
    assert docker("info", "--format", "{{.Swarm.LocalNodeState}}").strip() == "inactive"


def test_no_container_runs_a_ssh_server(edge: Edge) -> None:
    """Check 5.7."""
    commands = [docker("top", container["Id"], "-eo", "pid,comm") for container in edge.stack.containers()]

    assert len(commands) == len(SERVERS) + 1, "two replicas of the application"
    assert [text for text in commands if "sshd" in text] == []
