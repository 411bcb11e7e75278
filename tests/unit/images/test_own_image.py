"""An image of one's own goes through what the backend's does: pushed, scanned, signed, verified, named, pulled."""

import itertools

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
from slidegenie.plan import Plan, record

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
