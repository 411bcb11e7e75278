"""A person who looks at a failed rollout is told what failed, not how Pulumi works."""

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pulumi import automation as auto
from pulumi.automation import EngineEvent, OpType

from components.containers import found
from slidegenie import backups
from slidegenie.__main__ import main
from slidegenie.compose import update
from slidegenie.console import interrupted_after, uninterrupted
from slidegenie.plan import StackProgram
from slidegenie.pulumi.progress import Progress
from slidegenie.pulumi.stack import PulumiStack
from slidegenie.user_folder import UserFolder

from ..plans import in_a_program


def container(**state: Any) -> dict[str, Any]:
    return {
        "Id": "0123456789abcdef",
        "Name": "/slidegenie-app-1",
        "Config": {"Labels": {"com.docker.compose.service": "app", "io.slidegenie.role": "server"}},
        "State": {"Running": True, "Status": "running"} | state,
    }


def test_only_servers_that_are_not_healthy_are_sick(monkeypatch: pytest.MonkeyPatch) -> None:
    job = container(Running=False, Status="exited")
    job["Config"]["Labels"]["io.slidegenie.role"] = "job"
    healthy = container(Health={"Status": "healthy"})
    sick = container(Health={"Status": "unhealthy"})
    monkeypatch.setattr(update, "containers", lambda *_, **__: [job, healthy, sick])

    assert update.unhealthy("slidegenie/prod") == [sick]


def test_a_job_that_failed_is_told_where_nobody_else_does_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [container(Running=False, Status="exited", ExitCode=code) for code in (0, 1)]
    for job in jobs:
        job["Config"]["Labels"]["io.slidegenie.role"] = "job"
    monkeypatch.setattr(update, "containers", lambda *_, **__: jobs)
    monkeypatch.setattr(
        found,
        "docker",
        lambda *_: subprocess.CompletedProcess((), 0, stdout="Redis answered: WRONGPASS\n", stderr=""),
    )

    update.report("slidegenie/prod")
    assert capsys.readouterr().err == ""
    update.report("slidegenie/prod", jobs=True)
    assert [line.removeprefix("==> ") for line in capsys.readouterr().err.splitlines()] == [
        "app (0123456789ab) is exited, with exit code 1",
        "  its last log lines:",
        "    Redis answered: WRONGPASS",
    ]


def event(**kinds: Any) -> EngineEvent:
    nothing = {"resource_pre_event": None, "res_outputs_event": None, "diagnostic_event": None}
    return cast("EngineEvent", SimpleNamespace(**nothing | kinds))


def done(op: OpType, kind: str, name: str, *, planning: bool = False) -> EngineEvent:
    metadata = SimpleNamespace(op=op, type=kind, urn=f"urn:pulumi:prod::slidegenie::{kind}::{name}")
    return event(res_outputs_event=SimpleNamespace(metadata=metadata, planning=planning))


def said(severity: str, message: str) -> EngineEvent:
    return event(diagnostic_event=SimpleNamespace(severity=severity, message=message))


CONTAINER = "docker:index/container:Container"


def test_changes_are_counted_and_those_that_matter_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress(done(OpType.CREATE_REPLACEMENT, CONTAINER, "slidegenie-app-1"))
    progress(done(OpType.DELETE_REPLACED, CONTAINER, "slidegenie-app-1"))
    progress(done(OpType.CREATE, CONTAINER, "slidegenie-app-secrets-seed"))
    progress(done(OpType.CREATE, "random:index/randomPassword:RandomPassword", "slidegenie-redis-password"))
    progress(done(OpType.SAME, CONTAINER, "slidegenie-redis-1"))
    progress(done(OpType.CREATE, CONTAINER, "slidegenie-app-2", planning=True))

    assert progress.changes == 4
    assert capsys.readouterr().out.splitlines() == [
        "    created the new container slidegenie-app-1",
        "    deleted the old container slidegenie-app-1",
    ]


def test_a_build_is_announced_because_it_takes_long(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    for op, planning in ((OpType.UPDATE, True), (OpType.SAME, False), (OpType.UPDATE, False)):
        metadata = SimpleNamespace(op=op, type="docker-build:index:Image", urn="urn::slidegenie-app")
        progress(event(resource_pre_event=SimpleNamespace(metadata=metadata, planning=planning)))

    assert progress.changes == 0
    assert capsys.readouterr().out.splitlines() == ["    building slidegenie-app"]


def test_errors_are_kept_once_and_without_tracebacks() -> None:
    progress = Progress()
    progress(said("error", "container failed to be in healthy state\n"))
    progress(said("error", "container failed to be in healthy state"))
    progress(said("error", "job migrate ended with exit code 1\nTraceback (most recent call last):\n  File ..."))
    progress(said("error", "update failed"))
    progress(said("error", "an unhandled error occurred: program exited with non-zero exit code: 1"))
    progress(said("warning", "be careful"))

    assert progress.errors == ["container failed to be in healthy state", "job migrate ended with exit code 1"]


# ---------------------------------------------------------------------------- interrupts
# Ctrl-C waits for what must come to an end, and is not forgotten.


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def broken() -> None:
    press()
    raise KeyError


def work(done: list[str], error: Exception | None = None) -> None:
    """Be interrupted twice on the way to the end."""
    with interrupted_after("the work ends first"):
        press()
        press()
        done.append("the rest")
        if error:
            raise error


def test_what_is_under_way_ends_first(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        work(done)
    assert done == ["the rest"]
    assert capsys.readouterr().out.count("interrupted: the work ends first") == 1


def test_a_failure_that_an_interruption_caused_is_one_and_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        work([], ValueError("app is not healthy\nupdate canceled"))
    assert capsys.readouterr().err == "==> app is not healthy\n==> update canceled\n"


def test_any_other_failure_stays_what_it_is_and_ctrl_c_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="broken"), interrupted_after("the work ends first"):
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is before


def test_what_ctrl_c_cannot_reach_ends_as_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with uninterrupted("it goes on"):
        press()
    assert capsys.readouterr().out.splitlines() == [
        "==> interrupted: it goes on",
        "==> it is done, in spite of Ctrl-C: there is nothing to run again",
    ]
    with pytest.raises(KeyError), uninterrupted("it goes on"):
        broken()
    assert capsys.readouterr().out == "==> interrupted: it goes on\n"


@pytest.mark.parametrize(
    ("interruption", "said"),
    [
        (KeyboardInterrupt(), "interrupted; nothing is lost: the same command goes on where this one stopped"),
        (KeyboardInterrupt("nothing was restored"), "interrupted; nothing was restored"),
    ],
)
def test_an_interruption_says_what_became_of_the_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    interruption: KeyboardInterrupt,
    said: str,
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise interruption

    in_a_program(tmp_path, monkeypatch)
    monkeypatch.setattr(backups, "restore", interrupted)
    assert main(["restore", "--confirm", "dev"]) == 130
    assert capsys.readouterr().err == f"==> {said}\n"


def test_why_pulumi_failed_is_said_though_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stack:
        def up(self, **_: Any) -> None:
            press()
            result = auto.CommandResult(stdout="", stderr="error: app did not become healthy\n", code=255)
            raise auto.CommandError(result)

    in_a_program(tmp_path, monkeypatch)
    monkeypatch.setattr(PulumiStack, "_stack", lambda _: Stack())
    with pytest.raises(KeyboardInterrupt):
        PulumiStack(StackProgram.read(Path.cwd(), "dev"), UserFolder.open(), cast("Any", None)).up([])
    assert "app did not become healthy" in capsys.readouterr().err
