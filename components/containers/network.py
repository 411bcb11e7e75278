"""The four networks every stack has, and the one between the proxy and the socket allow-list."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from ..core.labels import ZONE_LABEL, stack_labels


class Zone(enum.Enum):
    """A network segment. A container joins only those it must reach."""

    EDGE = "edge"
    """Between the outside and the proxy; nothing else is on it."""
    APPLICATION = "application"
    """Between the proxy and the services it routes to. Services reach the outside through it."""
    DATA = "data"
    """Between services and data stores; no way out."""
    MONITORING = "monitoring"
    """Between the monitoring and what it scrapes; no way out."""
    CONTROL = "control"
    """Between the proxy and the allow-list in front of the Docker socket; no way out."""


INTERNAL = frozenset({Zone.DATA, Zone.MONITORING, Zone.CONTROL})
"""Networks without a way out."""


@dataclass(frozen=True, kw_only=True)
class NetworksArgs:
    """Which networks there are."""

    zones: Sequence[Zone] = tuple(Zone)
    """One network each. Default: all."""


class Networks(pulumi.ComponentResource):
    """One bridge network per `Zone`.

    Owns the networks. Which of them lead outside is fixed by their zone, and nobody can say otherwise.
    """

    names: dict[Zone, pulumi.Output[str]]
    """Names the engine knows the networks by."""

    def __init__(self, name: str, args: NetworksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Networks", name, None, opts)
        self.names = {zone: self._network(name, zone).name for zone in args.zones}
        self.register_outputs({"names": {zone.value: output for zone, output in self.names.items()}})

    def _network(self, name: str, zone: Zone) -> docker.Network:
        return docker.Network(
            f"{name}-{zone.value}",
            driver="bridge",
            internal=zone in INTERNAL,
            labels=[
                docker.NetworkLabelArgs(label=label, value=value)
                for label, value in (stack_labels() | {ZONE_LABEL: zone.value}).items()
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
