"""An application of your own in the reference backend's place: built from any Dockerfile, or a ready image."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from components import (
    Admission,
    AdmissionArgs,
    BuiltImageArgs,
    PushedImage,
    PushedImageArgs,
    RegistryImage,
    RegistryImageArgs,
    RegistryLogin,
    parse_settings,
)
from components.settings import SettingsError
from slidegenie.plan import Plan, Secret, record

from ..planned import BUILD, CONTAINER, REMOTE_IMAGE, application, environment, platform, service, workloads

HEALTH = ["/shop", "health"]
ONE_STAGE = "FROM golang:1.24\nCOPY . /src\n"
STAGES = (
    "FROM --platform=$BUILDPLATFORM node:22 AS Development\nRUN true\n"
    "  from node:22 as build  \n# FROM node:22 AS commented\nFROM scratch\n"
)


def shop(tmp_path: Path, dockerfile: str = ONE_STAGE, **backend: Any) -> dict[str, Any]:
    """Return the section `backend` of an application in a folder of its own."""
    context = tmp_path / "shop"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    return {"context": str(context), "healthCommand": HEALTH, **backend}


def built(**backend: Any) -> dict[str, Any]:
    """Return how its image is built."""
    return application(backend=backend).named("slidegenie-app", BUILD).inputs


def app(plan: Plan) -> dict[str, Any]:
    """Return the first replica."""
    return plan.named("slidegenie-app-1", CONTAINER).inputs


def binds(plan: Plan) -> dict[str, str]:
    """Return what the first replica sees of the host."""
    return {mount["target"]: mount["source"] for mount in app(plan)["mounts"] if mount["type"] == "bind"}


def test_it_is_built_from_its_own_dockerfile(tmp_path: Path) -> None:
    settings = shop(tmp_path)
    (tmp_path / "shop" / "prod.Dockerfile").write_text(ONE_STAGE, encoding="utf-8")
    default, named = built(**settings), built(**settings, dockerfile="prod.Dockerfile")

    assert default["dockerfile"] == {"location": f"{tmp_path}/shop/Dockerfile"}
    assert named["dockerfile"] == {"location": f"{tmp_path}/shop/prod.Dockerfile"}
    assert not isinstance(default["buildArgs"], Secret)


def test_a_ready_image_is_run_and_nothing_is_built() -> None:
    plan = application(backend={"image": "ghcr.io/example/shop:1.4.2", "healthCommand": HEALTH})

    assert {build.name for build in plan.of_type(BUILD)} == {"slidegenie-seed"}
    assert plan.named("slidegenie-app", REMOTE_IMAGE).inputs["name"] == "ghcr.io/example/shop:1.4.2"
    assert app(plan)["image"] == "ghcr.io/example/shop:1.4.2"


def test_nothing_of_the_reference_is_run_in_it(tmp_path: Path) -> None:
    ready = {"image": "ghcr.io/example/shop:1.4.2", "healthCommand": HEALTH}
    for backend in (shop(tmp_path), ready, ready | {"target": "development"}):
        plan = application(backend=backend)

        assert "migrate" not in {service(container) for container in workloads(plan)}
        assert app(plan)["healthcheck"]["tests"] == ["CMD", *HEALTH]
        assert not binds(plan)
        commands = [c.inputs.get(key) for c in workloads(plan) for key in ("command", "healthcheck")]
        assert "'-m', 'app'" not in str(commands)


def test_without_migrations_it_still_waits_for_its_stores(tmp_path: Path) -> None:
    replica = platform(backend=shop(tmp_path)).named("slidegenie-app-1", CONTAINER)

    assert {urn.rpartition("::")[2] for urn in replica.dependencies} >= {"slidegenie-postgres-1", "slidegenie-minio-1"}


def test_its_migrations_run_before_a_replica(tmp_path: Path) -> None:
    plan = application(backend=shop(tmp_path, migrateCommand=["/shop", "migrate"]))
    job = plan.named("slidegenie-app-migrate", CONTAINER)

    assert job.inputs["command"] == ["/shop", "migrate"]
    assert job.urn in plan.named("slidegenie-app-1", CONTAINER).dependencies


def test_the_reference_keeps_its_commands_and_can_leave_its_migrations_out() -> None:
    plan = application()

    assert app(plan)["healthcheck"]["tests"] == ["CMD", "python", "-m", "app", "health"]
    assert plan.named("slidegenie-app-migrate", CONTAINER).inputs["command"] == ["python", "-m", "app", "migrate"]
    without = application(backend={"migrateCommand": []})
    assert "migrate" not in {service(container) for container in workloads(without)}


def test_a_ready_image_of_the_reference_is_told_what_a_built_one_is() -> None:
    built, ready = (
        application(backend={"release": "1.4.2", **image})
        for image in ({}, {"image": "registry.example.com/backend:1.4.2", "reference": True})
    )
    for name in ("slidegenie-app-1", "slidegenie-app-migrate"):
        was, now = (plan.named(name, CONTAINER).inputs for plan in (built, ready))
        differ = {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
        assert differ <= {"image", "labels"}, differ
    assert {r.name for r in built.resources if "token" in r.name} == {
        r.name for r in ready.resources if "token" in r.name
    }


def test_without_an_image_there_is_nothing_to_be_the_references() -> None:
    with pytest.raises(SettingsError, match="backend: reference says what image is: set image, or take reference out"):
        application(backend={"reference": True})


@pytest.mark.parametrize(
    ("dockerfile", "backend", "stage"),
    [
        (ONE_STAGE, {}, None),
        (ONE_STAGE, {"target": "development"}, None),
        (STAGES, {}, None),
        (STAGES, {"target": "development"}, "development"),
        (STAGES, {"stage": "Build"}, "build"),
        (STAGES, {"stage": "build", "target": "development"}, "build"),
    ],
)
def test_the_stage_is_the_one_asked_for_or_the_one_of_the_target_or_the_last(
    tmp_path: Path, dockerfile: str, backend: dict[str, Any], stage: str | None
) -> None:
    assert built(**shop(tmp_path, dockerfile, **backend)).get("target") == stage


def test_the_stage_development_runs_the_folders_that_there_are(tmp_path: Path) -> None:
    settings = shop(tmp_path, STAGES, target="development")
    (tmp_path / "shop" / "app").mkdir()

    assert binds(application(backend=settings)) == {"/app/app": f"{tmp_path}/shop/app"}


def test_an_image_without_that_stage_is_left_alone(tmp_path: Path) -> None:
    """What such an image has at `/app/app` may be anything: a program, for one."""
    settings = shop(tmp_path, ONE_STAGE, target="development")
    (tmp_path / "shop" / "app").mkdir()

    assert not binds(application(backend=settings))


def test_a_stage_that_there_is_not_is_one_line(tmp_path: Path) -> None:
    where = f"Pulumi.test.yaml: backend.stage: is no stage of {tmp_path}/shop/Dockerfile; got 'prod', "
    for dockerfile, known in (
        (STAGES, "it has development, build"),
        (ONE_STAGE, "none of its stages has a name: remove the key"),
    ):
        with pytest.raises(SettingsError) as caught:
            built(**shop(tmp_path, dockerfile, stage="prod"))
        assert str(caught.value) == where + known


def test_a_dockerfile_that_there_is_not_is_one_line() -> None:
    with pytest.raises(SettingsError) as caught:
        application(backend={"context": "/no/such/shop", "healthCommand": HEALTH})

    assert str(caught.value) == (
        "Pulumi.test.yaml: backend.dockerfile: cannot be read (No such file or directory); got"
        " '/no/such/shop/Dockerfile', correct backend.context, or give the file's path below it here"
    )


def test_it_is_told_its_port_and_asked_there(tmp_path: Path) -> None:
    plan = application(backend=shop(tmp_path, port=3000, migrateCommand=["migrate"]))

    assert {environment(c)["PORT"] for c in workloads(plan) if service(c) in ("app", "migrate")} == {"3000"}
    labels = {label["label"]: label["value"] for label in app(plan)["labels"]}
    assert labels["traefik.http.services.app.loadbalancer.server.port"] == "3000"


def test_ten_lines_of_settings_are_enough(tmp_path: Path) -> None:
    settings = parse_settings({"backend": shop(tmp_path, port=3000)}, "Pulumi.test.yaml")

    assert settings.backend.own
    assert settings.backend.health == ("/shop", "health")
    assert settings.backend.migrations == ()


# ---------------------------------------------------------------------------- ready image
# An image of one's own goes through what the backend's does: pushed, scanned, signed, verified, named, pulled.


DIGEST = "sha256:" + "a" * 64


def planned(password: str) -> Plan:
    registry = {"address": "registry.example.com", "platforms": ["linux/amd64"]}
    settings = parse_settings({"registry": registry, "secrets": {"registryPassword": password}}, "here")
    login = RegistryLogin(address="registry.example.com", username="ci", password=password)

    def program() -> None:
        built = BuiltImageArgs(tag="acme/worker:1.4.2", context="worker", dockerfile="worker/Dockerfile")
        repository = "registry.example.com/acme/worker"
        pushed = PushedImage("worker", PushedImageArgs(build=built, repository=repository, login=login))
        admission = AdmissionArgs(
            image=pushed.reference,
            pushed=True,
            sign=True,
            tags=["latest", "1.4.2"],
            settings=settings.supply_chain,
            registry=settings.registry,
            secrets=settings.secrets,
        )
        admitted = Admission("worker", admission)
        RegistryImage("worker", RegistryImageArgs(image=admitted.image, login=login))

    return record(program, project="mine", stack="prod")


def test_each_step_waits_for_the_one_before_it() -> None:
    plan = planned("registry-password")
    steps = [plan.named(f"worker-{step}") for step in ("scan", "sign", "verify", "tag")]

    assert [step.urn in later.dependencies for step, later in itertools.pairwise(steps)] == [True] * 3


def test_it_is_pulled_by_whoever_has_the_login_and_no_password_shows() -> None:
    plan = planned("registry-password")

    assert len(plan.of_type("docker:index/remoteImage:RemoteImage")) == 1
    assert len(plan.of_type("pulumi:providers:docker")) == 1
    assert "registry-password" not in repr(plan)
