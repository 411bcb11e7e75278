"""After a rollout: old logins end, by the job that admitted the current one, and Grafana has its password."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from slidegenie.console import Problem
from slidegenie.rollout import grafana, old_logins

JOB: dict[str, Any] = {
    "Image": "sha256:1",
    "Config": {
        "Labels": {"io.slidegenie.login": "postgres"},
        "User": "1000:1000",
        "Env": ["LOGIN=slidegenie_abcdefgh", "PATH=/bin"],
        "Entrypoint": ["sh", "/etc/login/postgres.sh"],
    },
    "HostConfig": {"Memory": 402653184, "PidsLimit": 64, "Tmpfs": {"/run/app": "rw,noexec"}},
    "NetworkSettings": {"Networks": {"slidegenie-data-1a2b": {}}},
    "Mounts": [{"Name": "slidegenie-postgres-login-secrets-3c4d", "Destination": "/run/secrets"}],
}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was run, and the exit code and message of what will be."""
    known: dict[str, Any] = {"commands": [], "code": 0, "said": ""}

    def docker(*args: str, **_options: Any) -> subprocess.CompletedProcess[str]:
        known["commands"].append(args)
        return subprocess.CompletedProcess(args, known["code"], "", known["said"])

    def containers(stack: str, *labels: str, everything: bool) -> list[dict[str, Any]]:
        assert (stack, labels, everything) == ("slidegenie/test", ("io.slidegenie.login",), True)
        return [JOB]

    monkeypatch.setattr(old_logins, "docker", docker)
    monkeypatch.setattr(old_logins, "containers", containers)
    return known


def test_the_job_runs_again_with_another_verb_and_the_same_chains(ran: dict[str, Any]) -> None:
    old_logins.revoke_old_logins("slidegenie/test")

    assert ran["commands"] == [
        (
            *("run", "--rm", "--init", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
            *("--network=slidegenie-data-1a2b", "--user=1000:1000"),
            *("--memory=402653184", "--memory-swap=402653184", "--pids-limit=64", "--tmpfs=/run/app:rw,noexec"),
            "--mount=type=volume,src=slidegenie-postgres-login-secrets-3c4d,dst=/run/secrets,readonly",
            *("--env=LOGIN=slidegenie_abcdefgh", "--env=PATH=/bin"),
            *("--entrypoint=sh", "sha256:1", "/etc/login/postgres.sh", "retire"),
        )
    ]


def test_a_store_that_does_not_answer_is_named_with_what_it_said(ran: dict[str, Any]) -> None:
    ran.update(code=2, said="psql: error: connection refused\n")

    with pytest.raises(Problem) as failed:
        old_logins.revoke_old_logins("slidegenie/test")

    assert str(failed.value) == (
        "everything runs with its current login, but an older one of postgres may still be valid:"
        " psql: error: connection refused; `make up` tries again"
    )


# ---------------------------------------------------------------------------- Grafana


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run what is run in Grafana's container here; return the file with the passwords it took."""
    program, taken = tmp_path / "bin" / "grafana", tmp_path / "taken"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ -e {tmp_path}/locked ] && echo "database is locked" && exit 1\ncat >>{taken}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(grafana, "_PASSWORD", str(tmp_path / "password"))
    monkeypatch.setattr(grafana, "_TOLD", str(tmp_path / "told"))
    monkeypatch.setattr(grafana, "containers", lambda *_: [{"Id": "grafana"}])

    def docker(_exec: str, _container: str, *command: str, check: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=check)

    monkeypatch.setattr(grafana, "docker", docker)
    return taken


def test_grafana_is_told_each_password_once(told: Path, tmp_path: Path) -> None:
    for password in ("first\n", "first\n", "second\n"):
        (tmp_path / "password").write_text(password)
        grafana.give_grafana_its_password("slidegenie/dev")
    assert told.read_text() == "first\nsecond\n"


def test_a_password_that_grafana_did_not_take_is_told_again(told: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("first\n")
    (tmp_path / "locked").touch()
    with pytest.raises(Problem, match="Grafana did not take its password: database is locked"):
        grafana.give_grafana_its_password("slidegenie/dev")
    (tmp_path / "locked").unlink()
    grafana.give_grafana_its_password("slidegenie/dev")
    assert told.read_text() == "first\n"
