"""Every container of a running platform against the CIS Docker Benchmark."""

import json

import pytest

from ...support.hardening import image_violations, needless, service, violations
from ...support.workspace import docker
from .conftest import Edge

pytestmark = pytest.mark.engine

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


def test_the_engine_is_no_swarm_nobody_asked_for() -> None:
    """Check 5.1: a swarm opens ports."""
    assert docker("info", "--format", "{{.Swarm.LocalNodeState}}").strip() == "inactive"


def test_no_container_runs_a_ssh_server(edge: Edge) -> None:
    """Check 5.7."""
    commands = [docker("top", container["Id"], "-eo", "pid,comm") for container in edge.stack.containers()]

    assert len(commands) == len(SERVERS) + 1, "two replicas of the application"
    assert [text for text in commands if "sshd" in text] == []
