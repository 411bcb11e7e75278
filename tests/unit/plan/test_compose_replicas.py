"""Docker Compose: which steps bring a service from the containers there are to the wanted ones, losing nobody."""

from dataclasses import replace
from typing import Any

import pytest

from slidegenie.compose.replicas import Clear, Replica, Retire, Start, Step, Wait, Wanted, stages, steps
from slidegenie.compose.update import told
from slidegenie.plan.view import view_of

from ..plans import container, made_of, plan_of

NEW = Wanted(config_hash="new", image="sha256:new", replicas=2, surge=2)


def replica(name: str, health: str = "healthy", *, wanted: bool = False, **other: Any) -> Replica:
    """Return a container of the old release, or of the wanted one; its ID begins with its number."""
    made: dict[str, Any] = {"config_hash": "old", "image": "sha256:old"}
    if wanted:
        made = {"config_hash": "new", "image": "sha256:new"}
    running = health in {"healthy", "unhealthy", "starting"}
    return Replica(id=name, number=int(name[0]), running=running, health=health, **made | other)


def new(name: str, health: str = "healthy") -> Replica:
    return replica(name, health, wanted=True)


def test_new_containers_start_beside_the_old_ones_which_go_at_the_end() -> None:
    assert steps(NEW, [replica("1"), replica("2")]) == [Start(2, 4), Retire(("1", "2"))]


def test_no_more_run_above_the_replicas_than_may_start_together() -> None:
    wanted = replace(NEW, replicas=3, surge=2)
    assert steps(wanted, [replica("1"), replica("2"), replica("3")]) == [
        *(Start(2, 5), Retire(("1", "2"))),
        *(Start(1, 4), Retire(("3",))),
    ]
    assert steps(replace(NEW, surge=1), [replica("1"), replica("2", "unhealthy")]) == [
        *(Start(1, 3), Retire(("2",))),
        *(Start(1, 3), Retire(("1",))),
    ]


def test_what_is_there_already_stays() -> None:
    assert steps(NEW, [new("3"), new("4")]) == []


def test_the_first_containers_start_together() -> None:
    assert steps(NEW, []) == [Start(2, 2)]


@pytest.mark.parametrize("changed", [{"config_hash": "other"}, {"image": "sha256:other"}])
def test_another_configuration_or_another_image_is_another_release(changed: dict[str, str]) -> None:
    assert steps(NEW, [new("1"), replica("2", wanted=True, **changed)]) == [Start(1, 3), Retire(("2",))]


def test_an_image_that_is_not_there_yet_is_that_of_no_container() -> None:
    wanted = Wanted(config_hash="new", image="")
    assert steps(wanted, [new("1")]) == [Start(1, 2), Retire(("1",))]


def test_more_and_fewer_replicas_of_the_same_release() -> None:
    assert steps(NEW, [new("1")]) == [Start(1, 2)]
    assert steps(NEW, [new("3"), new("1"), new("2")]) == [Retire(("3",))]


# ---------------------------------------------------------------------------- what an earlier rollout left

BROKEN = [
    pytest.param(new("3", "exited"), id="stopped, as a broken rollout leaves it"),
    pytest.param(new("3", "created"), id="created, and the tool was killed"),
    pytest.param(new("3", "unhealthy"), id="unhealthy, and the tool was killed"),
    pytest.param(replica("3", "unhealthy"), id="of another broken release"),
    pytest.param(replica("3", "starting"), id="of another release that is starting"),
]


@pytest.mark.parametrize("left", BROKEN)
def test_what_a_broken_rollout_left_goes_before_anything_starts(left: Replica) -> None:
    assert steps(NEW, [replica("1"), replica("2"), left]) == [
        Clear(("3",)),
        *(Start(2, 4), Retire(("1", "2"))),
    ]


def test_a_rollout_that_was_killed_goes_on_where_it_was() -> None:
    assert steps(NEW, [replica("1"), replica("2"), new("3", "starting")]) == [
        Wait(("3",)),
        *(Start(1, 4), Retire(("1", "2"))),
    ]
    assert steps(NEW, [replica("1"), replica("2"), new("3"), new("4", "starting")]) == [
        Wait(("4",)),
        Retire(("1", "2")),
    ]
    assert steps(NEW, [replica("1", "exited"), replica("2"), new("3"), new("4")]) == [Clear(("1",)), Retire(("2",))]


def test_to_take_a_rollout_back_that_was_killed_keeps_the_old_containers() -> None:
    back = Wanted(config_hash="old", image="sha256:old", replicas=2)
    assert steps(back, [replica("1"), replica("2"), new("3"), new("4", "starting")]) == [Clear(("4",)), Retire(("3",))]
    assert steps(back, [replica("2"), new("3"), new("4")]) == [Start(1, 4), Retire(("3", "4"))]


def test_a_replica_that_is_not_healthy_is_replaced_and_stays_until_another_one_serves() -> None:
    assert steps(NEW, [new("1"), new("2", "unhealthy")]) == [Start(1, 3), Retire(("2",))]
    sick = [new("1", "unhealthy"), new("2", "unhealthy")]
    assert steps(NEW, sick) == [Start(2, 4), Retire(("1", "2"))]


def _carried_out(step: Step, there: list[Replica]) -> list[Replica]:
    """Return what there is after a step that goes well."""
    match step:
        case Start():
            assert step.total == len(there) + step.containers, "Compose is told how many there are in all"
            first = max((replica.number for replica in there), default=0) + 1
            return [*there, *(new(str(first + number)) for number in range(step.containers))]
        case Wait():
            return [new(one.id) if one.id in step.containers else one for one in there]
        case Clear() | Retire():
            return [one for one in there if one.id not in step.containers]


STATES = ("healthy", "starting", "unhealthy", "exited")


@pytest.mark.parametrize("surge", [1, 2])
@pytest.mark.parametrize("first", STATES)
@pytest.mark.parametrize("second", STATES)
@pytest.mark.parametrize("third", STATES)
@pytest.mark.parametrize("fourth", STATES)
def test_from_whatever_was_left_the_wanted_replicas_remain_and_nobody_is_missing_meanwhile(
    surge: int, first: str, second: str, third: str, fourth: str
) -> None:
    wanted = replace(NEW, surge=surge)
    there = [replica("1", first), replica("2", second), new("3", third), new("4", fourth)]
    serving = sum(one.serves for one in there)
    for step in steps(wanted, there):
        there = _carried_out(step, there)
        now = sum(one.serves for one in there)
        assert now >= min(serving, NEW.replicas), f"{step} takes away what serves"
        serving = now
    assert len(there) == NEW.replicas
    assert all(one.serves and one.made_from(NEW) for one in there)
    assert steps(NEW, there) == []


# ---------------------------------------------------------------------------- what the engine says


def test_a_container_is_read_from_what_the_engine_says() -> None:
    inspected = {
        "Id": "abc",
        "Image": "sha256:new",
        "Config": {
            "Labels": {"com.docker.compose.config-hash": "new", "com.docker.compose.container-number": "3"},
        },
        "State": {"Running": True, "Status": "running", "Health": {"Status": "starting"}},
    }
    assert Replica.of(inspected) == Replica("abc", 3, "new", "sha256:new", running=True, health="starting")
    ended = inspected | {"State": {"Running": False, "Status": "exited", "Health": {"Status": "healthy"}}}
    assert Replica.of(ended).health == "exited"
    assert not Replica.of(ended).serves


def test_a_line_says_what_will_be_done() -> None:
    assert told("app", steps(NEW, [replica("1"), replica("2")])) == "app: 2 new beside the old, then 2 removed"
    assert told("app", steps(NEW, [new("1"), new("2"), new("3")])) == "app: 1 removed"
    assert told("app", steps(NEW, [])) == "app: 2 new"
    assert told("app", steps(NEW, [new("1"), new("2")])) is None


# ---------------------------------------------------------------------------- the order of services


def test_what_needs_a_rolling_service_comes_after_it() -> None:
    rolling: dict[str, Any] = {"options": {"delete_before_replace": False}}
    plan = made_of(
        [
            container("store"),
            container("app", after=["store-1"], **rolling),
            container("reports", after=["app-1"], **rolling),
            container("smoke", role="job", after=["reports-1", "store-1"]),
            container("edge"),
        ]
    )
    named = [
        ([service.name for service in stage.together], [service.name for service in stage.rolling])
        for stage in stages(view_of(plan).services)
    ]
    assert named == [(["edge", "store"], ["app"]), ([], ["reports"]), (["smoke"], [])]


def test_in_production_the_application_alone_rolls_and_comes_last() -> None:
    [stage] = stages(view_of(plan_of("prod")).services)
    assert [service.name for service in stage.rolling] == ["app"]
    assert {"migrate", "postgres", "traefik"} < {service.name for service in stage.together}


def test_how_many_start_together_follows_from_what_waits_for_what() -> None:
    [batches] = view_of(
        made_of(
            [
                container("web", 1),
                container("web", 2),
                container("web", 3, after=["web-1", "web-2"]),
            ]
        )
    ).services
    assert batches.surge == 2
