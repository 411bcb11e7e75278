"""What somebody removed by hand: Pulumi looks into its state and sees nothing to do, so it is told."""

from ..engine.docker import docker
from ..plan.view import CONTAINER, NETWORK, VOLUME
from .state import StackState

_LISTED = {
    CONTAINER: ("ps", "--all", "--no-trunc"),
    VOLUME: ("volume", "ls"),
    NETWORK: ("network", "ls", "--no-trunc"),
}
"""How the engine lists each kind by what the state has as ID."""


def removed_by_hand(state: StackState) -> list[str]:
    """Return the URNs of volumes, networks and seeds of volumes that the engine does not have any more.

    A refresh of these alone takes them out of the state, and the next update makes them. What waits to be deleted is
    left to the next update. To servers and jobs the program sees by itself.
    """
    present = {kind: set(docker(*command, "--quiet").stdout.split()) for kind, command in _LISTED.items()}
    return [
        resource["urn"]
        for resource in state.resources
        if resource["type"] in present
        and resource.get("id")
        and resource["id"] not in present[resource["type"]]
        and not resource.get("delete")
        and (resource["type"] != CONTAINER or resource["inputs"].get("start") is False)
    ]
