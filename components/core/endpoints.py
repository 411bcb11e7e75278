"""Where a service finds its data stores: the same whether the platform runs them or somebody else does."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A data store as its clients see it."""

    environment: Mapping[str, pulumi.Input[str]]
    """Environment variables of a client: names, ports, users; nothing secret."""
    secrets: Mapping[str, pulumi.Output[str]]
    """Files of a client by name: what is secret, and what goes with it, such as the certificate that the store is
    trusted by; each is announced by the variable in `secret_variables`."""
    secret_variables: Mapping[str, str]
    """Which variable carries the path of which of these files."""
    ready: tuple[pulumi.Resource, ...] = field(default=())
    """What must be up before a client starts; empty for an external store."""
    administrator: pulumi.Output[str] | None = None
    """Password of the store's own administrator, for jobs of the platform and never for a service. `None` where the
    platform does not run the store, or no job needs it."""
