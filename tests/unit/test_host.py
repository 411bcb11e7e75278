"""The engine as a program knows it, and the group of its socket: configured, or read where the socket is."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest
from pulumi.runtime import config as runtime_config

from components import SettingsError
from components.core.engine import DockerEngine
from components.core.socket_group import engine_of, local_socket_group, program_engine
from components.settings import EngineSettings

from .planned import recorded

HERE = DockerEngine()


class Part(pulumi.ComponentResource):
    """Something of a library's."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Part", name, None, opts)


def test_a_configured_group_is_used_without_a_look_at_the_host() -> None:
    assert local_socket_group(EngineSettings(socket="/no/such.sock", socket_group=0), HERE, "file") == "0"


def test_otherwise_it_is_the_group_that_owns_the_socket(tmp_path: Path) -> None:
    socket = tmp_path / "docker.sock"
    socket.touch()

    assert local_socket_group(EngineSettings(socket=str(socket)), HERE, "file") == str(socket.stat().st_gid)


def test_a_socket_on_another_machine_needs_the_setting() -> None:
    with pytest.raises(SettingsError) as caught:
        local_socket_group(EngineSettings(socket="/no/such.sock"), HERE, "Pulumi.test.yaml")

    assert str(caught.value) == (
        "Pulumi.test.yaml: engine.socketGroup: is required when /no/such.sock is not on this machine; on the Docker"
        " host, `stat -c %g /no/such.sock` prints it"
    )


def test_the_socket_of_this_machine_says_nothing_of_an_engine_elsewhere(tmp_path: Path) -> None:
    """It has the same path there, and another group."""
    socket = tmp_path / "docker.sock"
    socket.touch()
    with pytest.raises(SettingsError, match=r"is required when .* is on prod\.example\.com; on the Docker host"):
        local_socket_group(EngineSettings(socket=str(socket)), DockerEngine(address="ssh://prod.example.com"), "file")


def asked(program: Any, configuration: dict[str, str]) -> DockerEngine:
    found: list[DockerEngine] = []

    def run() -> None:
        runtime_config.set_all_config(configuration, [])
        pulumi.Output.from_input(program()).apply(found.append)

    recorded(run)
    return found[0]


def test_a_program_goes_by_its_stack_file() -> None:
    engine = asked(program_engine, {"docker:host": "ssh://deploy@prod"})
    assert (engine.address, engine.said_by) == ("ssh://deploy@prod", "docker:host in Pulumi.test.yaml")


def test_a_provider_in_the_options_reaches_everything_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://environment")

    def program() -> pulumi.Output[DockerEngine]:
        provider = docker.Provider("far", host="ssh://given")
        whole = Part("whole", pulumi.ResourceOptions(providers={"docker": provider}))
        return engine_of(Part("child", pulumi.ResourceOptions(parent=whole)))

    assert asked(program, {"docker:host": "ssh://configured"}).address == "ssh://given"
