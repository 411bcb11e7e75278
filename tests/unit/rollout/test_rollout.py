"""In which order old and new change places: what is routed to comes first, what holds a port or data goes first."""

import pytest

from components import HealthCheck, Limits, PublishedPort, Rollout, ServerArgs, Zone
from slidegenie.plan import Plan

from ..planned import CONTAINER, VOLUME, application, platform, role, service, with_foundation, workloads

HEALTH = HealthCheck(command=["true"])
LIMITS = Limits(memory_mib=64)


def test_every_container_says_its_order_itself(plan: Plan) -> None:
    """The provider's default has changed between its versions."""
    assert [c.name for c in plan.of_type(CONTAINER) if c.delete_before_replace is None] == []


def test_of_the_servers_only_the_application_is_replaced_new_before_old(plan: Plan) -> None:
    rolling = {service(c) for c in workloads(plan) if role(c) == "server" and c.delete_before_replace is False}

    assert rolling == {"app"}


def test_seeds_and_file_volumes_are_replaced_new_before_old(plan: Plan) -> None:
    for container in plan.of_type(CONTAINER):
        if role(container) == "seed":
            assert container.delete_before_replace is False, container.name
    for volume in plan.of_type(VOLUME):
        if "name" not in volume.inputs:
            assert volume.delete_before_replace is False, volume.name


def test_what_is_replaced_new_before_old_has_neither_name_nor_port(plan: Plan) -> None:
    for container in plan.of_type(CONTAINER):
        if container.delete_before_replace is False:
            assert "name" not in container.inputs, container.name
            assert not container.inputs.get("ports"), container.name


def test_a_change_the_engine_never_sees_replaces_the_container(plan: Plan) -> None:
    for container in workloads(plan):
        assert container.replace_on_changes == ("tmpfs", "healthcheck", "init", "cpuPeriod", "cpuQuota")


def test_the_replicas_of_a_stack_are_those_of_its_settings(plans: dict[str, Plan]) -> None:
    replicas = {stack: len([c for c in workloads(plan) if service(c) == "app"]) for stack, plan in plans.items()}

    assert replicas == {"dev": 1, "prod": 3, "airgap": 2}


def test_migrations_run_before_the_new_release_and_after_the_stores(plan: Plan) -> None:
    migration = plan.named("slidegenie-app-migrate", CONTAINER)
    stores = {plan.named(f"slidegenie-{store}-1").urn for store in ("postgres", "redis", "minio")}

    assert stores <= set(migration.dependencies)
    for container in workloads(plan):
        if service(container) == "app":
            assert migration.urn in container.dependencies


def test_a_migration_ends_before_anything_goes_on(plan: Plan) -> None:
    migration = plan.named("slidegenie-app-migrate", CONTAINER)

    assert migration.delete_before_replace is False, "deleted first, it would take the old replicas along"
    assert (migration.inputs["attach"], migration.inputs["logs"], migration.inputs["mustRun"]) == (True, True, False)
    assert migration.inputs["restart"] == "no"
    assert migration.inputs["image"] == plan.named("slidegenie-app-1").inputs["image"]


def test_a_container_waits_for_its_files(plan: Plan) -> None:
    seeds_of = {
        mount["source"]: {seed.urn for seed in plan.of_type(CONTAINER) if _fills(seed.inputs, mount["source"])}
        for container in workloads(plan)
        for mount in container.inputs.get("mounts") or []
        if mount["type"] == "volume"
    }
    for container in workloads(plan):
        for mount in container.inputs.get("mounts") or []:
            if mount["type"] == "volume":
                assert seeds_of[mount["source"]] & set(container.dependencies), f"{container.name} {mount['target']}"


def test_the_proxy_starts_with_its_certificate_and_its_rules(plan: Plan) -> None:
    proxy = plan.named("slidegenie-traefik-1")
    seeds = {plan.named(f"slidegenie-traefik-{role}", CONTAINER).urn for role in ("certificate", "edge")}

    assert seeds <= set(proxy.dependencies)


def test_replicas_change_places_in_batches() -> None:
    plan = application(backend={"replicas": 5, "surge": 2})
    app = [plan.named(f"slidegenie-app-{number}") for number in range(1, 6)]
    before = [[other.urn in one.dependencies for other in app] for one in app]

    assert not any(before[0] + before[1]), "the first two start together"
    assert before[2] == before[3] == [True, True, False, False, False]
    assert before[4] == [False, False, True, True, False]


def _fills(inputs: dict[str, object], volume: str) -> bool:
    return inputs.get("networkMode") == "none" and volume in str(inputs["mounts"])


def test_only_a_release_changes_the_application() -> None:
    def hashes(**backend: object) -> dict[str, object]:
        plan = platform(backend=backend)
        return {
            service(c): next(
                label["value"] for label in c.inputs["labels"] if label["label"] == "com.docker.compose.config-hash"
            )
            for c in workloads(plan)
        }

    first, second = hashes(release="1.0.0"), hashes(release="1.1.0")

    assert {name for name in first if first[name] != second[name]} == {"app", "migrate"}


def test_a_rolling_workload_cannot_publish_a_port() -> None:
    with pytest.raises(
        ValueError, match=r"^web: a rolling workload cannot publish a port, .* or use Rollout.RECREATE$"
    ):
        with_foundation(
            lambda base: ServerArgs(
                foundation=base,
                service="web",
                image="x",
                zones=[Zone.APPLICATION],
                limits=LIMITS,
                health=HEALTH,
                rollout=Rollout.ROLLING,
                ports=[PublishedPort(internal=80, external=80)],
            )
        )


@pytest.mark.parametrize("replicas", [0, -1])
def test_a_workload_has_a_replica(replicas: int) -> None:
    with pytest.raises(
        ValueError, match=rf"^store: replicas must be at least 1; got {replicas}, leave the workload out"
    ):
        with_foundation(
            lambda base: ServerArgs(
                foundation=base,
                service="store",
                image="x",
                zones=[Zone.DATA],
                limits=LIMITS,
                health=HEALTH,
                replicas=replicas,
            )
        )


def test_a_workload_of_one_cannot_have_replicas() -> None:
    with pytest.raises(ValueError, match=r"^store: replicas need Rollout.ROLLING; got 2 with Rollout.RECREATE$"):
        with_foundation(
            lambda base: ServerArgs(
                foundation=base,
                service="store",
                image="x",
                zones=[Zone.DATA],
                limits=LIMITS,
                health=HEALTH,
                replicas=2,
            )
        )


# ---------------------------------------------------------------------------- releases
