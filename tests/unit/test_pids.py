"""The process limit, which the engine sets on a running container because the provider cannot."""

import subprocess
from typing import Any

import pulumi
import pytest

from components import ContainerArgs, HealthCheck, Job, Limits, Server, ServerArgs, Zone
from components.containers.process_limit import process_limit_hook
from components.core.engine import DockerEngine

from .planned import recorded
from .watching import watched

LABELS = [{"label": "other", "value": "1"}, {"label": "io.slidegenie.pids-limit", "value": "77"}]


class Docker:
    """Stands in for the Docker command line."""

    def __init__(self, code: int = 0, said: str = "") -> None:
        self.commands: list[list[str]] = []
        self.hosts: list[str | None] = []
        self._code, self._said = code, said

    def run(self, command: list[str], *, env: dict[str, str], **_: object) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        self.hosts.append(env.get("DOCKER_HOST"))
        return subprocess.CompletedProcess(command, self._code, stdout="", stderr=self._said)


def created(monkeypatch: pytest.MonkeyPatch, docker: Docker, outputs: Any, *, host: str = "", id_: str = "abc") -> None:
    """Run the hook for a container the engine has just made."""
    monkeypatch.setattr(subprocess, "run", docker.run)

    engine = DockerEngine(address=host, said_by="the stack") if host else DockerEngine()

    made = pulumi.ResourceHookArgs(
        urn="urn", id=id_, name="app-1", type="docker:index/container:Container", new_outputs=outputs
    )

    async def run(hook: pulumi.ResourceHook) -> bool:
        if (running := hook(made)) is not None:
            await running
        return True

    def program() -> None:
        pulumi.Output.all(run(process_limit_hook(pulumi.Output.from_input(engine))))

    recorded(program)


def test_the_limit_of_the_label_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker()
    created(monkeypatch, docker, {"labels": LABELS})

    assert docker.commands == [["docker", "update", "--pids-limit", "77", "abc"]]


def test_it_is_set_on_the_host_the_provider_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker()
    created(monkeypatch, docker, {"labels": LABELS}, host="ssh://deploy@host")

    assert docker.commands == [["docker", "update", "--pids-limit", "77", "abc"]]
    assert docker.hosts == ["ssh://deploy@host"]


@pytest.mark.parametrize("outputs", [None, {}, {"labels": None}, {"labels": LABELS[:1]}])
def test_what_has_no_limit_is_left_alone(monkeypatch: pytest.MonkeyPatch, outputs: Any) -> None:
    docker = Docker()
    created(monkeypatch, docker, outputs)

    assert docker.commands == []


def test_in_a_preview_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker()
    created(monkeypatch, docker, {"labels": LABELS}, id_="")

    assert docker.commands == []


def test_a_limit_that_cannot_be_set_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match=r"^app-1: the process limit could not be set: no such container$"):
        created(monkeypatch, Docker(1, "no such container\n"), {"labels": LABELS})


def test_every_workload_has_the_hook_and_no_seed_has_it() -> None:
    def program(base: Any) -> None:
        common: dict[str, Any] = {"foundation": base, "image": "app:1", "limits": Limits(memory_mib=64)}
        Job("migrate", ContainerArgs(service="migrate", zones=[Zone.DATA], **common))
        Server("web", ServerArgs(service="web", zones=[Zone.EDGE], health=HealthCheck(command=["true"]), **common))

    assert watched(program).after_create == {
        "migrate": ["slidegenie-process-limit"],
        "web-1": ["slidegenie-process-limit"],
    }
