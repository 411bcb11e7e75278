"""The table of who may talk to whom is what every stack is made of, and nobody is on a network without a reason."""

import pytest

from components.containers.network import Zone
from scripts.segmentation_manual import FLOWS, GOES_OUT, MEMBERS, has_way_out
from slidegenie.plan import Plan

from .planned import NETWORK, labels, platform, service, workloads


def joined(plan: Plan) -> dict[str, set[str]]:
    zones = {network.outputs["name"]: labels(network)["io.slidegenie.zone"] for network in plan.of_type(NETWORK)}
    return {
        service(container): {zones[network["name"]] for network in container.inputs.get("networksAdvanced", [])}
        for container in workloads(plan)
    }


def needed(service: str) -> frozenset[Zone]:
    """Return the networks that the flows of `service` need; the edge is there for clients outside."""
    zones = {flow.zone for flow in FLOWS if service in (flow.source, flow.target)}
    return frozenset(zones | ({Zone.EDGE} if service == "traefik" else set()))


def test_every_stack_is_made_as_the_table_says(plan: Plan) -> None:
    table = {name: {zone.value for zone in zones} for name, zones in MEMBERS.items()}

    assert joined(plan) == {name: table[name] for name in joined(plan)}


def test_who_has_to_reach_something_outside_joins_the_network_that_leads_there() -> None:
    plan = platform(
        postgres={"external": {"host": "db.example.com"}},
        backup={"enabled": True, "repository": "s3:https://s3.example.com/backups"},
        secrets={
            "alertWebhookUrl": "https://pager.example.com",
            "postgresPassword": "given",
            "backupCredentials": {"AWS_ACCESS_KEY_ID": "given"},
        },
    )

    assert {name: joined(plan)[name] for name in GOES_OUT} == {
        name: {zone.value for zone in MEMBERS[name]} | {"application"} for name in GOES_OUT
    }


@pytest.mark.parametrize("name", MEMBERS)
def test_nobody_is_on_a_network_that_no_flow_needs(name: str) -> None:
    assert MEMBERS[name] == needed(name)


def test_a_flow_is_between_two_that_share_its_network() -> None:
    for flow in FLOWS:
        assert flow.zone in MEMBERS[flow.source] & MEMBERS[flow.target], flow


def test_data_stores_and_monitoring_have_no_way_out() -> None:
    assert {name for name in MEMBERS if has_way_out(name)} == {"traefik", "app"}
