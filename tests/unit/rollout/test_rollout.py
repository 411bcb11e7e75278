"""In which order old and new change places: what is routed to comes first, what holds a port or data goes first."""

from pathlib import Path
from typing import Any

import pytest

from components import HealthCheck, Limits, PublishedPort, Rollout, ServerArgs, Zone
from slidegenie.plan import Plan
from slidegenie.rollout.releases import KEPT, Release, Releases, Schema, listed, refusal

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
# Which releases are remembered, where a rollback goes, and when it is refused.


_SCHEMA = Schema("2", ("1", "2"))


def came_up(releases: Releases, version: str, image: str = "", **settings: Any) -> Releases:
    return releases.begin().succeeded(
        version=version,
        revision="abc",
        image=image or f"sha256:{version}",
        settings={"release": version} | settings,
        schema=_SCHEMA,
    )


def after(folder: Path, *versions: str) -> Releases:
    releases = Releases.of(folder)
    for version in versions:
        releases = came_up(releases, version)
    return releases


def version_of(release: Release | None) -> str | None:
    return release.version if release else None


def test_a_stack_without_releases_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    assert Releases.of(tmp_path).target() is None
    assert after(tmp_path, "1").target() is None


def test_the_last_five_are_kept_and_read_again(tmp_path: Path) -> None:
    made = after(tmp_path, *"1234567")

    assert [release.version for release in made.known] == list("34567")
    assert Releases.of(tmp_path) == made
    assert len(made.known) == KEPT


def test_a_long_incident_does_not_push_the_good_release_out(tmp_path: Path) -> None:
    releases = after(tmp_path, "good")
    for version in "123456":
        releases = came_up(releases, version)
        target = releases.target()
        assert version_of(target) == "good"
        assert target is not None
        releases = releases.went_back(target)

    fixed = came_up(releases, "fixed")

    assert [release.version for release in fixed.known] == ["good", "4", "5", "6", "fixed"]
    assert version_of(fixed.target()) == "good"


def test_only_its_owner_reads_what_was_written_down(tmp_path: Path) -> None:
    assert after(tmp_path, "1").path.stat().st_mode & 0o777 == 0o600


def test_the_same_release_again_is_not_another_one(tmp_path: Path) -> None:
    made = came_up(after(tmp_path, "1", "2"), "2")

    assert [release.version for release in made.known] == ["1", "2"]
    assert version_of(made.target()) == "1"


def test_other_settings_of_the_same_image_are_another_release(tmp_path: Path) -> None:
    made = came_up(after(tmp_path, "1"), "1", replicas=3)

    assert [dict(release.settings) for release in made.known] == [{"release": "1"}, {"release": "1", "replicas": 3}]


def test_a_rollback_goes_to_the_release_before(tmp_path: Path) -> None:
    assert version_of(after(tmp_path, "1", "2", "3").target()) == "2"


def test_while_a_rollout_is_broken_it_goes_to_the_one_that_serves(tmp_path: Path) -> None:
    broken = after(tmp_path, "1", "2").begin()

    assert version_of(broken.target()) == "2"
    assert version_of(Releases.of(tmp_path).target()) == "2", "in the next command too"


def test_what_was_rolled_back_from_is_never_gone_back_to(tmp_path: Path) -> None:
    releases = after(tmp_path, "1", "2", "3")
    target = releases.target()
    assert target is not None
    back = releases.went_back(target)
    assert (version_of(back.running()), version_of(back.target()), back.held) == ("2", "1", True)

    fixed = came_up(back, "4")

    assert (version_of(fixed.target()), fixed.held) == ("2", False)
    assert [(release.number, release.abandoned) for release in fixed.known] == [
        (1, False),
        (2, False),
        (3, True),
        (4, False),
    ]


def test_the_broken_release_again_after_a_rollback_is_a_new_one(tmp_path: Path) -> None:
    releases = after(tmp_path, "1", "2")
    target = releases.target()
    assert target is not None

    again = came_up(releases.went_back(target), "2")

    assert (again.current, version_of(again.target())) == (3, "1")


@pytest.mark.parametrize(
    ("logs", "schema"),
    [
        ('migrate: schema {"head": "2", "compatible_with": ["1", "2"]}\nmigrate: up to date\n', _SCHEMA),
        ("migrate: up to date\n", None),
        ("", None),
    ],
)
def test_what_migrations_say_is_read_from_the_output_of_their_job(logs: str, schema: Schema | None) -> None:
    assert Schema.said(logs) == schema


def release(head: str | None) -> Release:
    schema = Schema(head, (head,)) if head else None
    return Release(1, "1.0.0", "abc", "2026-01-31T12:00:00+00:00", "sha256:1", {}, schema)


@pytest.mark.parametrize(
    ("head", "schema", "said"),
    [
        ("2", _SCHEMA, None),
        ("1", _SCHEMA, None),
        ("0", _SCHEMA, "the database is at revision 2, which works with releases of revision 1, 2; 1.0.0 needs 0."),
        (None, _SCHEMA, "`make rollback FORCE=yes`"),
        ("1", None, "do not say whether they can go back"),
    ],
)
def test_a_release_the_database_does_not_suit_is_refused_with_the_reason(
    head: str | None, schema: Schema | None, said: str | None
) -> None:
    why = refusal(release(head), schema)

    assert (why is None) is (said is None)
    assert said is None or said in str(why)


def test_the_list_says_which_one_runs_and_which_can_be_gone_back_to(tmp_path: Path) -> None:
    releases = after(tmp_path, "1.0.0", "1.1.0", "1.2.0")
    target = releases.target()
    assert target is not None
    back = releases.went_back(target)

    lines = listed(back.known, back.current, _SCHEMA)[1:]

    assert [(line[0], line.split()[-1]) for line in lines] == [(" ", "abandoned"), ("*", "runs"), (" ", "yes")]
    assert listed(back.known, back.current, Schema("3", ("3",)))[-1].split()[-1] == "no"
