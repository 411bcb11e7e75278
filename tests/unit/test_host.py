"""The group of the Docker socket: configured, or read where the socket is on this machine."""

from pathlib import Path

import pytest

from components import SettingsError
from components.host import socket_group
from components.settings import Engine

from .planned import recorded


def test_a_configured_group_is_used_without_a_look_at_the_host() -> None:
    assert socket_group(Engine(socket="/no/such.sock", socket_group=0)) == "0"


def test_otherwise_it_is_the_group_that_owns_the_socket(tmp_path: Path) -> None:
    socket = tmp_path / "docker.sock"
    socket.touch()

    assert socket_group(Engine(socket=str(socket))) == str(socket.stat().st_gid)


def test_a_socket_on_another_machine_needs_the_setting() -> None:
    with pytest.raises(SettingsError) as caught:
        recorded(lambda: socket_group(Engine(socket="/no/such.sock")))

    assert str(caught.value) == (
        "Pulumi.test.yaml: engine.socketGroup: is required when /no/such.sock is not on this machine; on the Docker"
        " host, `stat -c %g /no/such.sock` prints it"
    )
