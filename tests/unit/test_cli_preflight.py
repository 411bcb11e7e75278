"""What is checked before anything is changed, as far as it needs no engine."""

import socket
from collections.abc import Iterator

import pytest

from components.cli import preflight
from components.cli.console import Problem
from components.plan import Plan


def test_bases_and_third_party_images_are_needed_and_built_ones_are_not(plans: dict[str, Plan]) -> None:
    needed = preflight.needed_images(plans["airgap"])

    assert needed == sorted(set(needed))
    assert {
        "slidegenie-airgap/debian:bookworm-slim",
        "slidegenie-airgap/python:3.11-slim",
        "slidegenie-airgap/postgres:15",
        "slidegenie-airgap/redis:7.0",
        "slidegenie-airgap/traefik:v3.7.9",
        "slidegenie-airgap/haproxy:2.6",
    } <= set(needed)
    assert not {image for image in needed if image.startswith("slidegenie/")}


@pytest.fixture
def taken() -> Iterator[int]:
    """Hold a port."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_port_that_is_taken_is_told_with_what_to_do(taken: int) -> None:
    with pytest.raises(Problem, match=rf"^port {taken} on 127.0.0.1 is taken .* under `proxy` in Pulumi.dev.yaml$"):
        preflight._check_port("127.0.0.1", taken, "dev")


def test_a_port_that_is_free_is_fine() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        free = holder.getsockname()[1]

    preflight._check_port("127.0.0.1", free, "dev")
