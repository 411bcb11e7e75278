"""A web service: replicas behind the proxy that are replaced without losing a request."""

import dataclasses
from dataclasses import dataclass

import pulumi

from ..containers import ContainerArgs, HealthCheck, Rollout, Server, ServerArgs
from ..containers.args import check_port
from ..containers.foundation import Zone
from .proxy import Proxy
from .routes import check_path, server_labels


@dataclass(frozen=True, kw_only=True)
class WebServiceArgs(ContainerArgs):
    """A workload that answers HTTP."""

    zones: tuple[Zone, ...] = (Zone.APPLICATION,)
    """Networks it joins. Must include the application network."""
    proxy: Proxy
    """The edge that leads to it."""
    port: int
    """Port it listens on."""
    health: HealthCheck
    """How the engine tells that it works. It must fail as soon as the service was told to stop."""
    health_path: str = "/health/live"
    """Path that answers 200 while the service takes requests; the proxy asks it twice a second."""
    hidden_paths: tuple[str, ...] = ()
    """Paths that the proxy does not lead to it, nor to what lies below them, in no spelling; such as `/metrics`. They
    are below `path`, where there is one, with or without it in front: with `/reports` this hides `/reports/metrics`.
    Those who share a network with it reach them."""
    path: str | None = None
    """What is at this path or below it is led to it, such as `/reports`; the service sees whole paths, with this in
    front. Default: all paths that no other service took."""
    replicas: int = 2
    """Containers."""
    surge: int = 2
    """Containers that start together in a rollout, and at most so many above `replicas` that run at a time."""
    start_seconds: int = 60
    """A release that is not healthy after this time has failed; the old one serves on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_port(self.service, "port", self.port)
        if Zone.APPLICATION not in self.zones:
            raise ValueError(f"{self.service}: zones must include Zone.APPLICATION, the proxy reaches it there")
        if self.path is not None:
            check_path(self.service, "path", self.path)
        for hidden in self.hidden_paths:
            check_path(self.service, "each of hidden_paths", hidden)


class WebService(pulumi.ComponentResource):
    """Replicas of one image, and the route to them.

    Owns the containers and their part of the edge's configuration. Refuses a service that the proxy could not reach,
    and a path that is no plain one.
    """

    server: Server
    """The containers."""

    def __init__(self, name: str, args: WebServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:WebService", name, None, opts)
        own = {field.name for field in dataclasses.fields(ServerArgs)}
        common = {field.name: getattr(args, field.name) for field in dataclasses.fields(args) if field.name in own}
        self.server = Server(
            name,
            ServerArgs(
                **common
                | {
                    "rollout": Rollout.ROLLING,
                    "labels": {**server_labels(args.service, args.port, args.health_path), **args.labels},
                }
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        args.proxy.route(args.service, parent=self, path=args.path, hidden_paths=args.hidden_paths)
        self.register_outputs({})
