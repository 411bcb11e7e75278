"""Files never change: other content is another volume."""

import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from components import (
    ContainerArgs,
    DataVolume,
    DataVolumeArgs,
    Files,
    FilesArgs,
    FilesMount,
    Foundation,
    HealthCheck,
    HostMount,
    Job,
    Limits,
    PublishedPort,
    Server,
    ServerArgs,
    VolumeMount,
    Zone,
)
from components.containers.foundation import process_limit_hook
from components.core.engine import DockerEngine
from components.core.text import go_duration
from components.monitoring import ScrapeTarget
from slidegenie.plan import Plan, Resource, Secret

from ..planned import CONTAINER, VOLUME, files_in, labels, recorded, seeds, watched, with_foundation


def planned(files: Mapping[str, pulumi.Input[str]]) -> Plan:
    return with_foundation(lambda base: Files("config", FilesArgs(foundation=base, files=files)))


def content(files: Mapping[str, pulumi.Input[str]]) -> str:
    return labels(planned(files).named("config", VOLUME))["io.slidegenie.content"]


def test_the_same_content_is_the_same_volume() -> None:
    assert content({"a": "1", "b": "2"}) == content({"b": "2", "a": "1"})
    assert len(content({"a": "1"})) == 16


@pytest.mark.parametrize("other", [{"a": "2"}, {"b": "1"}, {"a": "1", "b": ""}], ids=["content", "name", "one more"])
def test_other_content_is_another_volume(other: dict[str, str]) -> None:
    assert content(other) != content({"a": "1"})


def test_the_volume_has_no_name_of_its_own_so_that_the_old_one_can_stay() -> None:
    volume = planned({"a": "1"}).named("config", VOLUME)

    assert "name" not in volume.inputs
    assert volume.delete_before_replace is False
    assert volume.protect is False


def mounting(volumes: Callable[[Foundation], tuple[list[Files], list[DataVolume]]], *names: str) -> Plan:
    """Return the plan of a job for each of `names`, which all mount the same `volumes`."""

    def program(base: Foundation) -> None:
        configuration, stored = volumes(base)
        for name in names:
            args = ContainerArgs(
                foundation=base,
                service=name,
                image="image",
                zones=[],
                limits=Limits(memory_mib=32),
                files=[FilesMount(files=files, path=f"/etc/{at}") for at, files in enumerate(configuration)],
                volumes=[VolumeMount(volume=volume, path=f"/data/{at}") for at, volume in enumerate(stored)],
            )
            Job(name, args)

    return with_foundation(program)


def prepared(files: Mapping[str, pulumi.Input[str]]) -> Resource:
    """Return the seed of a workload that mounts these files and nothing else."""
    plan = mounting(lambda base: ([Files("config", FilesArgs(foundation=base, files=files))], []), "web")
    return plan.named("web-seed", CONTAINER)


def test_files_are_uploaded_into_a_container_that_never_starts() -> None:
    seed = prepared({"b": "2", "a": "1"})

    assert seed.inputs["uploads"] == [
        {"file": "/volume/a", "content": "1", "permissions": "0444"},
        {"file": "/volume/b", "content": "2", "permissions": "0444"},
    ]
    assert seed.inputs["start"] is False
    assert seed.inputs["mounts"] == [{"type": "volume", "source": "config", "target": "/volume"}]


def test_the_same_files_in_another_volume_are_uploaded_again() -> None:
    assert prepared({"a": "1"}).replace_on_changes == ("mounts",)


def test_secret_content_stays_encrypted_and_its_label_does_not_have_to() -> None:
    def volumes(base: Foundation) -> tuple[list[Files], list[DataVolume]]:
        args = FilesArgs(foundation=base, files={"a": "1", "password": pulumi.Output.secret("hunter2")})
        return [Files("config", args)], []

    plan = mounting(volumes, "web")
    open_file, password = plan.named("web-seed", CONTAINER).inputs["uploads"]

    assert (open_file["content"], password["content"]) == ("1", Secret("hunter2"))
    assert isinstance(labels(plan.named("config", VOLUME))["io.slidegenie.content"], str)
    assert not isinstance(plan.named("config", VOLUME).inputs["labels"], Secret)


@pytest.mark.parametrize("name", ["", "folder/file", "/etc/passwd", "../x"])
def test_a_name_with_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^a file needs a plain name without folders, like password; got '{name}'$"):
        planned({name: "x"})


def data_volume(data_root: str | None) -> Plan:
    return with_foundation(
        lambda base: DataVolume("data", DataVolumeArgs(foundation=base, role="exports", data_root=data_root))
    )


def test_a_data_volume_has_a_fixed_name_and_is_protected() -> None:
    volume = data_volume(None).named("data", VOLUME)

    assert volume.inputs["name"] == "slidegenie-test-exports"
    assert "driverOpts" not in volume.inputs
    assert volume.protect is True
    assert labels(volume)["io.slidegenie.data"] == "exports"


def test_a_data_volume_can_live_in_a_folder_of_the_host() -> None:
    volume = data_volume("/opt/slidegenie/data").named("data", VOLUME)

    assert volume.inputs["driverOpts"] == {"type": "none", "o": "bind", "device": "/opt/slidegenie/data/exports"}


def data(base: Foundation, role: str) -> DataVolume:
    return DataVolume(role, DataVolumeArgs(foundation=base, role=role))


def mount(source: str, target: str) -> dict[str, str]:
    return {"type": "volume", "source": source, "target": target}


def test_a_data_volume_gets_its_owner_from_a_seed_without_files() -> None:
    seed = mounting(lambda base: ([], [data(base, "exports")]), "web").named("web-seed", CONTAINER)

    assert seed.inputs["uploads"] == []
    assert seed.inputs["mounts"] == [mount("slidegenie-test-exports", "/volume")]
    assert seed.protect is False


def test_one_seed_prepares_all_that_a_workload_mounts() -> None:
    """The data is where the image has the folder whose owner it gets."""

    def volumes(base: Foundation) -> tuple[list[Files], list[DataVolume]]:
        files = [Files(name, FilesArgs(foundation=base, files={"a": name})) for name in ("config", "secrets")]
        return files, [data(base, "exports")]

    plan = mounting(volumes, "web")

    (seed,) = seeds(plan)
    assert seed.inputs["mounts"] == [
        mount("slidegenie-test-exports", "/volume"),
        mount("config", "/volume-1"),
        mount("secrets", "/volume-2"),
    ]
    assert files_in(plan, "config") == {"a": "config"}
    assert files_in(plan, "secrets") == {"a": "secrets"}
    assert seed.urn in plan.named("web", CONTAINER).dependencies


def test_each_further_data_volume_has_a_seed_of_its_own() -> None:
    """The image has one folder with an owner to give."""
    plan = mounting(lambda base: ([], [data(base, "exports"), data(base, "logs")]), "web")

    assert {seed.name: [m["source"] for m in seed.inputs["mounts"]] for seed in seeds(plan)} == {
        "web-seed": ["slidegenie-test-exports"],
        "web-1-seed": ["slidegenie-test-logs"],
    }
    assert {seed.urn for seed in seeds(plan)} <= set(plan.named("web", CONTAINER).dependencies)


def test_what_two_workloads_mount_is_prepared_once_and_both_wait_for_it() -> None:
    plan = mounting(lambda base: ([Files("config", FilesArgs(foundation=base, files={"a": "1"}))], []), "web", "other")

    (seed,) = seeds(plan)
    assert seed.name == "web-seed"
    assert seed.urn in plan.named("web", CONTAINER).dependencies
    assert seed.urn in plan.named("other", CONTAINER).dependencies


def test_all_data_of_production_is_below_its_folder_and_protected(plans: dict[str, Plan]) -> None:
    data = [volume for volume in plans["prod"].of_type(VOLUME) if "io.slidegenie.data" in labels(volume)]

    assert {"postgres", "redis", "minio"} <= {labels(volume)["io.slidegenie.data"] for volume in data}
    for volume in data:
        held = labels(volume)["io.slidegenie.data"]
        assert volume.protect is True, held
        assert volume.inputs["name"] == f"slidegenie-prod-{held}"
        assert volume.inputs["driverOpts"]["device"] == f"/opt/slidegenie/data/{held}"


# ---------------------------------------------------------------------------- job
# A job that fails stops what comes after it, and says why.


LOGS = "\n".join(f"line {number}" for number in range(1, 21))


def job(base: Foundation) -> Job:
    args = ContainerArgs(
        foundation=base, service="migrate", image="app:1", zones=[Zone.DATA], limits=Limits(memory_mib=64)
    )
    return Job("migrate", args)


def test_what_comes_after_a_job_runs_its_image() -> None:
    images: list[str] = []
    watched(lambda base: job(base).image.apply(images.append), {"migrate": {"exitCode": 0}})

    assert images == ["app:1"]


def test_a_job_that_fails_stops_the_rollout_with_its_last_lines() -> None:
    images: list[str] = []
    with pytest.raises(pulumi.RunError) as caught:
        watched(lambda base: job(base).image.apply(images.append), {"migrate": {"exitCode": 3, "containerLogs": LOGS}})

    tail = "\n".join(f"  line {number}" for number in range(6, 21))
    assert str(caught.value) == (
        "job migrate ended with exit code 3; nothing was replaced. Its last lines:\n"
        f"{tail}\n"
        "Fix the cause and run the same command again: it runs the job again."
    )
    assert images == []


def test_a_job_that_fails_without_a_word_is_told_too() -> None:
    with pytest.raises(pulumi.RunError, match=r"^job migrate ended with exit code 137; nothing was replaced"):
        watched(job, {"migrate": {"exitCode": 137, "containerLogs": None}})


# ---------------------------------------------------------------------------- workload args
# What a program says about a workload, refused before anything is changed when Docker would not take it.


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


# ---------------------------------------------------------------------------- pids
# The process limit, which the engine sets on a running container because the provider cannot.


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


# ---------------------------------------------------------------------------- durations
# Durations in the one spelling that the Docker provider reads back.


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.001, "1ms"),
        (0.5, "500ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (2.05, "2.05s"),
        (10, "10s"),
        (30, "30s"),
        (59.999, "59.999s"),
        (60, "1m0s"),
        (90, "1m30s"),
        (600, "10m0s"),
        (3600, "1h0m0s"),
        (3661.25, "1h1m1.25s"),
    ],
)
def test_a_duration_reads_as_go_writes_it(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


@pytest.mark.parametrize("seconds", [0, -1, 0.0001, 1.0005])
def test_a_duration_that_cannot_be_written_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=rf"positive and in whole milliseconds, like 0.5; got {seconds}$"):
        go_duration(seconds)
