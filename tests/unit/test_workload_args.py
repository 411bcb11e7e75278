"""What a program says about a workload, refused before anything is changed when Docker would not take it."""

from typing import Any

import pytest

from components import (
    ContainerArgs,
    DataVolumeArgs,
    Foundation,
    HealthCheck,
    HostMount,
    Limits,
    PublishedPort,
    ServerArgs,
    Zone,
)
from components.monitoring import ScrapeTarget

from .planned import with_foundation


def refusal(made: Any) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        with_foundation(made)
    return str(caught.value)


def container(base: Foundation, **changes: Any) -> ContainerArgs:
    common: dict[str, Any] = {"service": "reports", "image": "x", "zones": [Zone.DATA], "limits": Limits(memory_mib=64)}
    return ContainerArgs(foundation=base, **common | changes)


def server(base: Foundation, **changes: Any) -> ServerArgs:
    common: dict[str, Any] = {"service": "reports", "image": "x", "zones": [Zone.EDGE], "limits": Limits(memory_mib=64)}
    return ServerArgs(foundation=base, health=HealthCheck(command=["true"]), **common | changes)


@pytest.mark.parametrize("service", ["", "Reports", "my_reports", "-reports", "reports.api", "r" * 64])
def test_a_service_has_the_name_of_a_host(service: str) -> None:
    assert refusal(lambda base: container(base, service=service)) == (
        f"service must be 1 to 63 lower-case letters, digits and dashes, like reports-api; got {service!r}"
    )


@pytest.mark.parametrize("name", ["", "A=B", "LOG LEVEL", "9LIVES"])
def test_a_variable_has_a_name_that_programs_can_read(name: str) -> None:
    assert refusal(lambda base: container(base, environment={name: "x"})) == (
        f"reports: environment must have names like LOG_LEVEL; got {name!r}"
    )


@pytest.mark.parametrize("path", ["", "data", "/", "/srv/../etc", "/srv/"])
def test_a_mount_is_somewhere(path: str) -> None:
    assert refusal(lambda base: container(base, tmpfs_mib={path: 1})) == (
        f"reports: a mount needs a path from the root, like /app/uploads; got {path!r}"
    )


def test_two_mounts_are_not_in_one_place() -> None:
    mounted = [HostMount(host_path="/srv/data", path="/tmp")]  # noqa: S108 - a folder of the container

    assert refusal(lambda base: container(base, host_mounts=mounted)) == (
        "reports: two mounts are at /tmp; move one of them"
    )


@pytest.mark.parametrize("port", [True, 0, 65_536, "80", 8.0])
def test_a_port_is_a_whole_number_of_sixteen_bits(port: Any) -> None:
    line = f"must be a whole number from 1 to 65535; got {port!r}"

    inside, outside = PublishedPort(internal=port, external=80), PublishedPort(internal=80, external=port)
    assert refusal(lambda base: server(base, ports=[inside])) == f"reports: a port in the container {line}"
    assert refusal(lambda base: server(base, ports=[outside])) == f"reports: a port of the host {line}"
    assert refusal(lambda _: ScrapeTarget(service="reports", port=port)) == f"reports: port {line}"


def test_a_target_of_the_monitoring_is_a_service_with_a_path() -> None:
    assert refusal(lambda _: ScrapeTarget(service="a b", port=80)).startswith("service must be 1 to 63 ")
    assert refusal(lambda _: ScrapeTarget(service="reports", port=80, path="metrics")) == (
        "reports: path must start with a slash, like /metrics; got 'metrics'"
    )


@pytest.mark.parametrize("role", ["", "../etc", "Uploads", "a/b"])
def test_a_volume_stays_below_the_folder_of_the_data(role: str) -> None:
    assert refusal(lambda base: DataVolumeArgs(foundation=base, role=role)) == (
        f"role must be lower-case letters, digits and dashes, like uploads; got {role!r}"
    )


def test_what_docker_takes_is_taken() -> None:
    made: list[ServerArgs] = []
    with_foundation(
        lambda base: made.append(
            server(
                base,
                service="reports-2",
                environment={"LOG_LEVEL": "x", "http_proxy": ""},
                ports=[PublishedPort(internal=1, external=65_535)],
                host_mounts=[HostMount(host_path="/srv/data", path="/srv/data")],
            )
        )
    )

    assert made[0].service == "reports-2"
