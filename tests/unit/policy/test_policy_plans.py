"""The policy over whole plans: the project's own stacks are clean, and so is the example; a bad neighbour is not."""

import sys
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest
from pulumi.output import Unknown
from pulumi.runtime import rpc

import components
from components import FilesArgs, Foundation, FoundationArgs, HostMount, Limits, Server, ServerArgs, Zone
from components.containers import FilesMount, HealthCheck
from components.containers.volumes import Files
from components.core.policy import ContainerPolicy, Granted, default_policy, load_policy
from components.settings import PolicySettings
from slidegenie.plan import Plan, StackProgram
from slidegenie.policy.enforcement import policy_settings
from slidegenie.policy.judge import PolicyResult, report, summary
from slidegenie.policy.subjects import facts_of, judge_plan

from ..planned import application, recorded, with_foundation
from ..plans import ROOT, STACKS
from .policy_cases import SECRET, TODAY


def policy_of(plan: Plan) -> ContainerPolicy:
    """Return the policy of one of the project's stacks; else the library's."""
    settings = (
        policy_settings(StackProgram.read(ROOT, plan.stack))
        if plan.stack in STACKS and plan.project == "slidegenie"
        else PolicySettings()
    )
    return load_policy(settings, ROOT)


def judged(plan: Plan) -> PolicyResult:
    """Return what the policy says."""
    return judge_plan(plan, policy_of(plan), TODAY)


def found(plan: Plan) -> list[tuple[str, str, str]]:
    """Return rule, resource and property of everything that is wrong."""
    return [(violation.rule, violation.resource, violation.path) for violation in judged(plan).violations]


def test_every_stack_of_the_project_is_clean_and_nothing_in_it_is_left_unjudged(plan: Plan) -> None:
    said = judged(plan)

    assert list(report(said)) == []
    assert len(said.judged) > 50


def test_the_stand_in_images_are_allowed_in_their_stack_only(plans: dict[str, Plan]) -> None:
    production = policy_of(plans["prod"])

    assert {v.rule for v in judge_plan(plans["airgap"], production, TODAY).violations} == {"imageSource"}


def test_no_exception_is_kept_that_nobody_needs(plans: dict[str, Plan]) -> None:
    used: set[Granted] = set()
    for plan in plans.values():
        used |= judged(plan).used

    assert set(default_policy().exceptions) - used == set()


def test_each_exception_covers_no_more_than_it_says(plans: dict[str, Plan]) -> None:
    """Without the exceptions, exactly these deviations are there."""
    names = {
        (violation.container, violation.rule)
        for plan in plans.values()
        for violation in judge_plan(plan, policy_of(plan).model_copy(update={"exceptions": ()}), TODAY).violations
    }

    assert names == {
        ("socket-proxy", "hostMounts"),
        ("socket-proxy", "groups"),
        ("cadvisor", "user"),
        ("cadvisor", "hostMounts"),
        ("redis-exporter", "secrets"),
        ("redis", "secrets"),
    }


def test_another_teams_stack_with_the_library_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slidegenie_platform", components)
    plan = StackProgram.read(ROOT / "examples" / "platform-team", "dev").plan()

    assert list(report(judged(plan))) == []
    assert "reports" in {subject.container for subject in judged(plan).judged}


def test_what_another_team_declares_by_hand_is_judged_too() -> None:
    plan = recorded(lambda: docker.Container("theirs", image="nginx"))

    assert [rule for rule, _, _ in found(plan)] == [
        "user",
        "capabilities",
        "noNewPrivileges",
        "memory",
        "cpu",
        "pids",
        "logs",
        "restart",
        "healthCheck",
        "readOnlyRoot",
        "network",
        "imagePinned",
    ]


def server(foundation: Foundation, **rest: Any) -> Server:
    return Server(
        "web",
        ServerArgs(
            foundation=foundation,
            service="web",
            image="docker.io/library/web@sha256:" + "e" * 64,
            zones=[Zone.APPLICATION],
            limits=Limits(memory_mib=64),
            health=HealthCheck(command=["true"]),
            **rest,
        ),
    )


def test_a_server_of_the_library_is_clean_without_doing_anything() -> None:
    assert found(with_foundation(server)) == []


def test_a_network_of_control_is_closed_to_who_names_it_by_its_id_or_as_a_mode() -> None:
    def join() -> None:
        labels = [docker.NetworkLabelArgs(label="io.slidegenie.zone", value="control")]
        network = docker.Network("closed", internal=True, labels=labels)
        by_id = docker.ContainerNetworksAdvancedArgs(name=network.id)
        docker.Container("by-id", image="nginx", networks_advanced=[by_id])
        docker.Container("by-mode", image="nginx", network_mode=network.name)

    assert {(name, path) for rule, name, path in found(recorded(join)) if rule == "network"} == {
        ("by-id", "networksAdvanced[0].name"),
        ("by-mode", "networkMode"),
    }


def test_a_server_that_asks_for_too_much_is_not() -> None:
    def ask(foundation: Foundation) -> None:
        server(
            foundation,
            root_reason="it was easier",
            host_mounts=[HostMount(host_path="/var/run/docker.sock", path="/docker.sock")],
            environment={"DB_PASSWORD": pulumi.Output.secret(SECRET), "NOTE": pulumi.Output.secret(SECRET)},
        )

    # So is the label with the hash of it.

    plan = with_foundation(ask)

    assert found(plan) == [
        ("user", "web-1", "user"),
        ("hostMounts", "web-1", "mounts[0].source"),
        ("secrets", "web-1", 'envs["DB_PASSWORD"]'),
        ("secrets", "web-1", 'envs["NOTE"]'),
        ("secrets", "web-1", "labels[0].value"),
    ]
    assert SECRET not in "\n".join(report(judged(plan)))


def test_secret_files_are_what_the_policy_asks_for() -> None:
    def with_files(foundation: Foundation) -> None:
        files = Files("web-secrets", FilesArgs(foundation=foundation, files={"key": pulumi.Output.secret(SECRET)}))
        server(foundation, files=[FilesMount(files=files, path="/run/secrets")])

    assert found(with_foundation(with_files)) == []


def test_an_image_that_the_program_builds_needs_no_registry() -> None:
    def program() -> None:
        foundation = Foundation("base", FoundationArgs())
        image = components.BuiltImage(
            "mine",
            components.BuiltImageArgs(tag="team/mine:1", context="docker/seed", dockerfile="docker/seed/Dockerfile"),
        )
        docker.RemoteImage("other", name="team/other:1")
        docker.Container("runs", image=image.id_on_engine, opts=pulumi.ResourceOptions(parent=foundation))

    assert [(r, p) for r, name, p in found(recorded(program)) if r.startswith("image")] == [("imageSource", "name")]


@pytest.mark.parametrize("builder", ["default", "slidegenie"])
def test_the_stacks_own_image_is_no_foreign_one_where_it_is_pushed(builder: str) -> None:
    registry = {"address": "ghcr.io", "namespace": "acme", "builder": builder, "platforms": ["linux/amd64"]}
    plan = application(registry=registry, secrets={"registryPassword": "p"})

    assert list(report(judged(plan))) == []
    assert facts_of(plan).pushed == {"ghcr.io/acme/backend"}


def test_an_image_that_somebody_names_by_an_id_is_from_nowhere() -> None:
    def program() -> None:
        docker.Container("whole", image="sha256:" + "a" * 64)
        docker.Container("bare", image="a" * 64)
        docker.Container("beginning", image="a" * 12)
        docker.RemoteImage("local", name="sha256:" + "b" * 64)
        docker.Container("pulled", image=docker.RemoteImage("redis", name="docker.io/library/redis:8").image_id)

    sources = {(name, path) for rule, name, path in found(recorded(program)) if rule == "imageSource"}
    assert sources == {("whole", "image"), ("bare", "image"), ("beginning", "image"), ("local", "name")}


def test_a_backend_by_its_id_alone_is_refused_where_the_policy_is_mandatory() -> None:
    """A rollback runs one too; it is not what the settings say, and no plan is judged for it."""
    backend = {"image": "sha256:" + "a" * 64, "healthCommand": ["true"]}
    plan = application(backend=backend, supplyChain={"require": "enforce"})

    assert found(plan) == [("imageSource", "slidegenie-app-1", "image"), ("imageSource", "slidegenie-app-2", "image")]


def test_a_value_that_the_plan_does_not_know_is_said() -> None:
    plan = recorded(lambda: docker.Container("theirs", image="nginx"))
    plan.resources[0].inputs |= {"image": Unknown(), "user": rpc.UNKNOWN}  # type: ignore[no-untyped-call]

    assert {(undecided.rule, undecided.why) for undecided in judged(plan).undecided} >= {
        ("imagePinned", "cannot be judged in preview: image is not known before the update"),
        ("user", "cannot be judged in preview: user is not known before the update"),
    }


class Elsewhere(pulumi.CustomResource):
    """A resource of a provider that the plan knows nothing about."""

    path: pulumi.Output[str]

    def __init__(self, name: str) -> None:
        super().__init__("elsewhere:index:Share", name, {"path": None, "size": 3})


def test_what_another_provider_will_compute_is_not_taken_for_something_nobody_set() -> None:
    def program() -> None:
        share = Elsewhere("share")
        docker.Container(
            "theirs",
            image="nginx",
            user=share.id,
            network_mode=share.path,
            pid_mode=share.path,
            mounts=[docker.ContainerMountArgs(type="bind", source=share.path, target="/share", read_only=True)],
        )

    undecided = {
        (u.rule, u.why.removeprefix("cannot be judged in preview: ")) for u in judged(recorded(program)).undecided
    }

    assert undecided == {
        ("user", "user is not known before the update"),
        ("network", "networkMode is not known before the update"),
        ("namespaces", "pidMode is not known before the update"),
        ("hostMounts", "mounts[0].source is not known before the update"),
        ("readOnlyMounts", "mounts[0].source is not known before the update"),
    }


def test_an_output_nobody_modelled_is_unknown_and_a_modelled_one_is_not() -> None:
    def program() -> None:
        network = docker.Network("theirs")
        pulumi.export("name", network.name)
        pulumi.export("id", network.id)
        pulumi.export("scope", network.scope)
        pulumi.export("read", docker.Network.get("read", "0123").scope)

    outputs = recorded(program).outputs

    assert (outputs["name"], outputs["id"]) == ("theirs-test", "theirs-id")
    assert isinstance(outputs["scope"], Unknown)
    assert isinstance(outputs["read"], Unknown)


def test_the_summary_counts() -> None:
    said = judged(recorded(lambda: docker.Container("theirs", image="nginx")))

    assert summary(said) == "violations: 12 of 12 rules in 1 containers, 0 exceptions used"
