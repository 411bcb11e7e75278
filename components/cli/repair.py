"""What somebody removed by hand: Pulumi looks into its state and sees nothing to do, so it is told."""

from dataclasses import dataclass
from typing import Any

from .docker import docker
from .state import State

_LISTED = {
    "docker:index/container:Container": ("ps", "--all", "--no-trunc"),
    "docker:index/volume:Volume": ("volume", "ls"),
    "docker:index/network:Network": ("network", "ls", "--no-trunc"),
}
"""How the engine lists each kind by what the state has as ID."""
_NETWORK = "docker:index/network:Network"


@dataclass(frozen=True)
class Missing:
    """What a rollout has to put right."""

    gone: list[str]
    """URNs of what the engine does not have any more; a refresh of these alone takes them out of the state."""
    cut_off: list[str]
    """URNs of containers that were on a network that went: the new one has the same name, and they are not on it."""


def missing(state: State) -> Missing:
    """Compare containers, volumes and networks of the state with the engine's.

    What shares its URN with something that waits to be deleted belongs to a rollout that did not finish, and is left to
    the next one: a refresh would make Pulumi forget that.
    """
    waiting = {resource["urn"] for resource in state.pending_deletes()}
    present = {kind: set(docker(*command, "--quiet").stdout.split()) for kind, command in _LISTED.items()}
    gone = [
        resource
        for resource in state.resources
        if resource["type"] in present
        and resource.get("id")
        and resource["id"] not in present[resource["type"]]
        and resource["urn"] not in waiting
    ]
    urns = [resource["urn"] for resource in gone]
    networks = {resource["outputs"]["name"] for resource in gone if resource["type"] == _NETWORK}
    return Missing(urns, [c["urn"] for c in state.current() if c["urn"] not in urns and networks & _networks(c)])


def _networks(container: dict[str, Any]) -> set[str]:
    return {network["name"] for network in container["inputs"].get("networksAdvanced") or ()}
