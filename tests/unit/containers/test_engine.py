"""Which Docker engine is meant: who says so first, who is not listened to, and what other programs are told."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest
from pulumi.runtime import config as runtime_config

from components import SettingsError
from components.core.engine import DockerEngine, split
from components.core.labels import compose_project, host_name
from components.core.program import engine_of, local_socket_group, program_engine
from components.settings import EngineSettings
from slidegenie.plan import record

from ..planned import recorded

FILE = "Pulumi.prod.yaml"


@pytest.fixture
def context(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose Docker has a context `far`, which is not the current one."""
    identity = hashlib.sha256(b"far").hexdigest()
    meta = tmp_path / "contexts" / "meta" / identity / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "far", "Endpoints": {"docker": {"Host": "tcp://far:2376"}}}))
    (tmp_path / "contexts" / "tls" / identity / "docker").mkdir(parents=True)
    return {"DOCKER_CONFIG": str(tmp_path)}


def use(environment: dict[str, str], name: str) -> None:
    Path(environment["DOCKER_CONFIG"], "config.json").write_text(json.dumps({"currentContext": name}))


def meant(configuration: dict[str, str], environment: dict[str, str]) -> tuple[str, str | None]:
    engine = DockerEngine.of(configuration, FILE, environment)
    return engine.address, engine.said_by


def test_without_a_word_it_is_this_machines_and_nothing_is_set() -> None:
    engine = DockerEngine.of({}, FILE, {"HOME": "/no/such"})
    assert (engine.address, engine.said_by, engine.local, engine.host) == (
        "unix:///var/run/docker.sock",
        None,
        True,
        "localhost",
    )
    assert engine.environment({"PATH": "/bin"}) == {"PATH": "/bin"}


def test_each_gives_way_to_the_one_before(context: dict[str, str]) -> None:
    use(context, "far")
    assert meant({}, context) == ("tcp://far:2376", "the Docker context far")
    assert meant({}, context | {"DOCKER_CONTEXT": "default"}) == ("unix:///var/run/docker.sock", None)
    use(context, "default")
    named = context | {"DOCKER_CONTEXT": "far"}
    assert meant({}, named) == ("tcp://far:2376", "DOCKER_CONTEXT")
    hosted = named | {"DOCKER_HOST": "ssh://b"}
    assert meant({}, hosted) == ("ssh://b", "DOCKER_HOST")
    assert meant({"docker:context": "far"}, hosted) == ("tcp://far:2376", f"docker:context in {FILE}")
    assert meant({"docker:host": "ssh://a", "docker:context": "far"}, hosted) == ("ssh://a", f"docker:host in {FILE}")


def test_who_says_something_else_is_named_in_one_line(context: dict[str, str]) -> None:
    said = {"DOCKER_HOST": "ssh://b", "DOCKER_CONTEXT": "far"} | context
    assert DockerEngine.of({"docker:host": "ssh://a"}, FILE, said).contradiction == (
        f"the Docker engine is ssh://a, says docker:host in {FILE}; not asked: DOCKER_HOST (ssh://b), DOCKER_CONTEXT"
        " (tcp://far:2376)"
    )
    assert DockerEngine.of({"docker:host": "ssh://b"}, FILE, {"DOCKER_HOST": "ssh://b"}).contradiction is None


def test_every_program_is_told_the_same(context: dict[str, str]) -> None:
    """A context that is left would come before the host in Pulumi's provider."""
    far = DockerEngine.of({}, FILE, context | {"DOCKER_CONTEXT": "far"})
    ambient = {"DOCKER_CONTEXT": "far", "DOCKER_HOST": "ssh://b", "PATH": "/bin"}
    assert far.environment(ambient) == {
        "DOCKER_HOST": "tcp://far:2376",
        "DOCKER_CERT_PATH": far.certificates,
        "DOCKER_TLS_VERIFY": "1",
        "PATH": "/bin",
    }
    behind_ssh = DockerEngine(address="ssh://a", said_by="me")
    assert behind_ssh.environment({"DOCKER_TLS_VERIFY": "1"}) == {"DOCKER_HOST": "ssh://a"}


@pytest.mark.parametrize("said", ["prod", "http://prod:2375", "ssh://", "unix://"])
def test_what_is_no_address_is_one_line(said: str) -> None:
    if said == "prod":
        # To the command line, too, a bare name is a host.
        assert meant({"docker:host": said}, {})[0] == "tcp://prod"
        return
    with pytest.raises(SettingsError) as caught:
        meant({"docker:host": said}, {})
    assert str(caught.value) == (
        f"docker:host in {FILE}: must be an address such as ssh://deploy@prod.example.com or"
        f" unix:///var/run/docker.sock; got {said!r}"
    )


def test_a_context_that_is_not_there_is_one_line(context: dict[str, str]) -> None:
    with pytest.raises(
        SettingsError, match=r"^DOCKER_CONTEXT: there is no Docker context 'gone' here: `docker context"
    ):
        meant({}, context | {"DOCKER_CONTEXT": "gone"})


def test_ports_of_a_host_behind_ssh_come_through_a_tunnel() -> None:
    engine = DockerEngine(address="ssh://deploy@prod.example.com:2222")
    assert (engine.local, engine.host) == (False, "prod.example.com")
    assert engine.tunnel([9090, 3000]) == (
        "ssh -p 2222 -N -L 9090:127.0.0.1:9090 -L 3000:127.0.0.1:3000 deploy@prod.example.com"
    )
    assert DockerEngine(address="tcp://10.0.0.5:2376").tunnel([9090]) is None


def test_pulumis_providers_agree_or_the_program_says_which_does_not(context: dict[str, str]) -> None:
    assert split({}, FILE, context) is None
    assert split({"docker:host": "ssh://a"}, FILE, {"DOCKER_HOST": "ssh://a"}) is None
    assert split({"docker:host": "ssh://a", "docker-build:host": "ssh://a"}, FILE, {"HOME": "/no/such"}) is None
    assert split({"docker:host": "ssh://a"}, FILE, {"HOME": "/no/such"}) == (
        f"the Docker engine is ssh://a, says docker:host in {FILE}, but Pulumi's providers would build images at"
        " unix:///var/run/docker.sock: export DOCKER_HOST=ssh://a and unset DOCKER_CONTEXT, as `make up` does"
    )


def test_pulumi_does_not_read_the_current_context(context: dict[str, str]) -> None:
    """Its provider takes this machine's socket, while the command line goes to the context."""
    use(context, "far")
    assert "would run containers at unix:///var/run/docker.sock:" in str(split({}, FILE, context))


def test_to_pulumi_a_context_comes_before_a_host(context: dict[str, str]) -> None:
    both = context | {"DOCKER_HOST": "ssh://b", "DOCKER_CONTEXT": "far"}
    assert "would run containers at tcp://far:2376:" in str(split({}, FILE, both))


# ---------------------------------------------------------------------------- host
# The engine as a program knows it, and the group of its socket: configured, or read where the socket is.


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


# ---------------------------------------------------------------------------- identity
# Names that are made of the stack's: Compose and DNS take them, and no two stacks share one.


LONGEST = "s" * (49 - len("slidegenie-"))
_RULE = (
    "the stack's name: must be lower-case letters, digits, - and _, at most 49 characters with the project's in front;"
)


def named(stack: str, project: str = "slidegenie") -> list[str]:
    found: list[str] = []
    record(lambda: found.extend([compose_project(), host_name("restore-drill")]), project=project, stack=stack)
    return found


@pytest.mark.parametrize("stack", ["dev", "team-a", "team_a", "2", LONGEST])
def test_a_name_that_compose_takes_is_used_as_it_is(stack: str) -> None:
    project, host = named(stack)

    assert project == f"slidegenie-{stack}"
    assert host == f"{project}-restore-drill"
    assert len(host) <= 63


@pytest.mark.parametrize("stack", ["a.b", "Dev", f"{LONGEST}s", "s" * 61])
def test_a_name_that_it_would_not_take_is_refused_in_one_line(stack: str) -> None:
    """Spelt in another way, two stacks could have one name, and one would work on the data of the other."""
    with pytest.raises(SettingsError) as caught:
        named(stack)

    name = f"slidegenie-{stack}"
    assert str(caught.value) == (
        f"Pulumi.{stack}.yaml: {_RULE} got {name!r} ({len(name)}), rename the file and the stack"
    )


def test_the_name_of_the_project_counts_too() -> None:
    with pytest.raises(SettingsError, match=r"got 'My.Project-dev' \(14\)"):
        named("dev", project="My.Project")
