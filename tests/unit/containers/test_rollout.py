"""What a rollout makes once more, what it ends, and what it says when it failed."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.sync_await import _sync_await

from components.containers import former_logins, found, rollout
from components.containers.found import FoundContainer
from components.containers.rollout import Member, Replacement, StackRollout, config_label, failed_before
from components.core.engine import DockerEngine

from ..planned import recorded

BESIDE, IN_PLACE, RERUN = Replacement.BESIDE, Replacement.IN_PLACE, Replacement.RERUN


def container(
    identity: str = "0123456789abcdef", config: str = "new", resource: str = "app-1", **state: Any
) -> FoundContainer:
    return FoundContainer(
        {
            "Id": identity,
            "Name": f"/{resource}-1a2b3c4",
            "Config": {
                "Labels": {
                    "com.docker.compose.service": "app",
                    "com.docker.compose.config-hash": config,
                    "io.slidegenie.role": "server",
                }
            },
            "State": {"Running": True, "Status": "running", "ExitCode": 0} | state,
        }
    )


def with_health(identity: str, status: str, config: str = "new") -> FoundContainer:
    return container(identity, config, Health={"Status": status, "Log": None})


HEALTHY, SICK = with_health("b", "healthy"), with_health("b", "unhealthy")
OLD = with_health("a", "healthy", config="old")
ENDED = container("b", Running=False, Status="exited", ExitCode=137)
NEVER_RAN = container("b", Running=False, Status="created")
SUCCEEDED, FAILED = (container("b", Running=False, Status="exited", ExitCode=code) for code in (0, 1))


def test_the_first_container_of_a_stack_has_no_mark() -> None:
    assert config_label("new", "app-1", [], BESIDE) == "new"


@pytest.mark.parametrize(
    ("there", "replacement"),
    [
        ([OLD, HEALTHY], BESIDE),
        ([HEALTHY], BESIDE),
        # Alone, it is what runs: its database may be down, and another one would help nobody.
        ([SICK], BESIDE),
        ([SICK], IN_PLACE),
        ([SUCCEEDED], RERUN),
    ],
    ids=["took over", "healthy", "sick and alone", "holds data", "job that succeeded"],
)
def test_what_works_keeps_its_label(there: list[FoundContainer], replacement: Replacement) -> None:
    assert config_label("new", "app-1", there, replacement) == "new"


@pytest.mark.parametrize(
    ("there", "replacement"),
    [
        # However healthy Pulumi takes it for, after a refresh too.
        ([OLD, SICK], BESIDE),
        ([OLD, with_health("b", "starting")], BESIDE),
        ([ENDED], BESIDE),
        ([ENDED], IN_PLACE),
        ([NEVER_RAN], IN_PLACE),
        ([FAILED], RERUN),
        ([OLD], BESIDE),
    ],
    ids=["did not take over", "killed meanwhile", "ended", "stopped by hand", "port taken", "job that failed", "gone"],
)
def test_what_failed_or_went_is_made_once_more_and_that_is_the_same_in_a_preview(
    there: list[FoundContainer], replacement: Replacement
) -> None:
    label = config_label("new", "app-1", there, replacement)

    assert label.startswith("new-")
    assert config_label("new", "app-1", list(reversed(there)), replacement) == label


def test_each_attempt_has_a_mark_of_its_own_until_one_works() -> None:
    first = config_label("new", "app-1", [OLD], BESIDE)
    second = config_label("new", "app-1", [OLD, with_health("b", "unhealthy", first)], BESIDE)
    worked = [OLD, with_health("b", "unhealthy", first), with_health("c", "healthy", second)]

    assert len({"new", first, second}) == 3
    assert config_label("new", "app-1", worked, BESIDE) == second
    assert [c.id for c in failed_before(second, "app-1", worked)] == ["b"], "and not the old one, which serves"


def test_a_container_of_another_resource_says_nothing() -> None:
    assert config_label("new", "app-2", [HEALTHY], BESIDE) != "new"


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let containers have printed these lines."""
    lines: list[str] = []

    def docker(_engine: DockerEngine, *args: str) -> subprocess.CompletedProcess[str]:
        assert args == ("logs", "--tail", "12", "0123456789abcdef")
        return subprocess.CompletedProcess(args, 0, stdout="\n".join(lines), stderr="")

    monkeypatch.setattr(found, "docker", docker)
    return lines


def test_the_last_answer_of_the_health_check_is_told(logs: list[str]) -> None:
    logs += ["starting", "database: connection refused"]
    checks = [{"Output": "first"}, {"Output": "one\ntwo\nthree\nfour\n"}]

    assert found.explain(DockerEngine(), container(Health={"Status": "unhealthy", "Log": checks})) == [
        "app (0123456789ab) is unhealthy",
        "  its health check said:",
        "    two",
        "    three",
        "    four",
        "  its last log lines:",
        "    starting",
        "    database: connection refused",
    ]


@pytest.mark.usefixtures("logs")
def test_a_container_that_ran_out_of_memory_is_told_so() -> None:
    assert found.explain(DockerEngine(), container(Running=False, Status="exited", OOMKilled=True)) == [
        "app (0123456789ab) is exited",
        "  it was killed for using more memory than its limit",
    ]


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("health", [None, {"Status": "starting", "Log": None}, {"Status": "starting", "Log": []}])
def test_a_container_that_said_nothing_is_one_line(health: dict[str, Any] | None) -> None:
    expected = "starting" if health else "running"

    assert found.explain(DockerEngine(), container(Health=health)) == [f"app (0123456789ab) is {expected}"]


def test_who_has_a_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def docker(_engine: DockerEngine, *args: str) -> subprocess.CompletedProcess[str]:
        assert args == ("ps", "--filter", "publish=8443", "--format", "{{.Names}}")
        return subprocess.CompletedProcess(args, 0, stdout="shop-proxy-1\n", stderr="")

    monkeypatch.setattr(found, "docker", docker)
    said = "driver failed programming external connectivity: Bind for 127.0.0.1:8443 failed: port is already allocated"

    assert found.port_holders(DockerEngine(), [said, said, "something else"]) == [
        "port 8443 of localhost is taken by container shop-proxy-1: end it, or choose another port in the settings"
    ]


@pytest.mark.parametrize(
    ("others", "rolling", "start"),
    [
        ([OLD, OLD], True, "The old release serves on (2 healthy containers)."),
        ([], True, "Nothing serves app: it is down."),
        ([], False, "app is down: what holds a port or data ends before its successor starts."),
    ],
    ids=["old release", "first release", "data store"],
)
def test_what_users_have_meanwhile_is_said(others: list[FoundContainer], rolling: bool, start: str) -> None:
    assert found.what_serves("app", others, rolling=rolling).startswith(start)


def test_an_engine_that_cannot_be_asked_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pulumi.RunError, match=r"^Docker's command line is not installed here"):
        found.found_containers(DockerEngine(), "a=b")

    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\necho 'Cannot connect' >&2\nexit 1\n")
    client.chmod(0o755)
    with pytest.raises(pulumi.RunError, match=r"^the containers of ssh://prod cannot be listed: Cannot connect$"):
        found.found_containers(DockerEngine(address="ssh://prod"), "a=b")


JOB: dict[str, Any] = {
    "Id": "job",
    "Image": "sha256:1",
    "Config": {
        "User": "1000:1000",
        "Env": ["LOGIN=slidegenie_abcdefgh", "PATH=/bin"],
        "Entrypoint": ["sh", "/run/secrets/postgres.sh"],
    },
    "HostConfig": {"Memory": 402653184, "PidsLimit": 64, "Tmpfs": {"/run/app": "rw,noexec"}},
    "NetworkSettings": {"Networks": {"slidegenie-data-1a2b": {}}},
    "Mounts": [{"Name": "slidegenie-postgres-login-secrets-3c4d", "Destination": "/run/secrets"}],
}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was run, and the exit code and message of what will be."""
    known: dict[str, Any] = {"command": None, "code": 0, "said": ""}

    def docker(_engine: DockerEngine, *args: str) -> subprocess.CompletedProcess[str]:
        known["command"] = args
        return subprocess.CompletedProcess(args, known["code"], "", known["said"])

    monkeypatch.setattr(former_logins, "docker", docker)
    monkeypatch.setattr(
        former_logins, "inspected", lambda _engine, ids: [FoundContainer(JOB)] if ids == ["job"] else []
    )
    return known


def test_a_job_runs_again_with_another_verb_and_the_same_chains(ran: dict[str, Any]) -> None:
    assert former_logins.run_again(DockerEngine(), "job", "retire") is None
    assert ran["command"] == (
        *("run", "--rm", "--init", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
        *("--network=slidegenie-data-1a2b", "--user=1000:1000"),
        *("--memory=402653184", "--memory-swap=402653184", "--pids-limit=64", "--tmpfs=/run/app:rw,noexec"),
        "--mount=type=volume,src=slidegenie-postgres-login-secrets-3c4d,dst=/run/secrets,readonly",
        *("--env=LOGIN=slidegenie_abcdefgh", "--env=PATH=/bin"),
        *("--entrypoint=sh", "sha256:1", "/run/secrets/postgres.sh", "retire"),
    )


def test_why_a_job_failed_when_it_ran_again_is_its_last_line(ran: dict[str, Any]) -> None:
    ran.update(code=2, said="trying\npsql: error: connection refused\n\n")

    assert former_logins.run_again(DockerEngine(), "job", "retire") == "psql: error: connection refused"
    assert former_logins.run_again(DockerEngine(), "gone", "retire") == "container gone is not there"


# ---------------------------------------------------------------------------- what a rollout came to


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> list[FoundContainer]:
    """Return what an engine has, on which a rollout is under way."""
    there: list[FoundContainer] = []
    monkeypatch.setattr(rollout, "found_containers", lambda *_: list(there))
    monkeypatch.setattr(rollout, "speaks_to_an_engine", lambda: True)
    monkeypatch.setattr(rollout, "is_real_run", lambda: True)
    monkeypatch.setattr(rollout, "end", _nobody)
    return there


async def _nobody(_engine: DockerEngine, _containers: object) -> None:
    """End no container."""


def reached(declare: Callable[[StackRollout], object]) -> bool:
    def program() -> None:
        subject = StackRollout(pulumi.Output.from_input(DockerEngine()), [])
        declare(subject)
        pulumi.export("reached", subject.reached)

    outputs = recorded(program).outputs
    return bool(outputs["reached"])


def declared(subject: StackRollout, resource: str, identity: pulumi.Input[str | None], config: str = "new") -> None:
    """Declare a container that Pulumi says has this ID."""
    member = Member(resource=resource, replacement=BESIDE)
    label = subject.config_label(member, pulumi.Output.from_input(config))
    known: Any = pulumi.Output.all(label, identity).apply(lambda values: values[1])
    subject.add(member, known)


def test_a_rollout_is_complete_when_everything_is_there_as_the_program_says(engine: list[FoundContainer]) -> None:
    engine.append(HEALTHY)
    assert reached(lambda subject: declared(subject, "app-1", "b"))


def test_an_update_of_a_part_of_the_stack_is_not_complete(engine: list[FoundContainer]) -> None:
    engine.append(OLD)
    assert not reached(lambda subject: declared(subject, "app-1", "a")), "what is there is of before"
    assert not reached(lambda subject: declared(subject, "app-1", None)), "it was never made"


def test_what_is_declared_after_a_question_to_pulumi_belongs_to_the_rollout(engine: list[FoundContainer]) -> None:
    engine += [HEALTHY, container("c", "old", "reports-1")]

    def declare(subject: StackRollout) -> None:
        made: asyncio.Future[str] = asyncio.Future()
        declared(subject, "app-1", pulumi.Output.from_input(made))
        # As a function of a provider does, whose answer the program waits for.
        _sync_await(asyncio.sleep(0.05))
        declared(subject, "reports-1", "c")
        made.set_result("b")

    assert not reached(declare), "the second one is of before"
