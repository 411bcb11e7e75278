"""What every workload of a stack stands on: networks, the image that seeds volumes, the key for content hashes."""

import asyncio
import enum
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from ..core.assets import asset
from ..core.engine import DockerEngine
from ..core.engine import docker as docker_command
from ..core.labels import PIDS_LABEL, ZONE_LABEL, stack_labels
from ..core.policy import Hardening, load_policy
from ..core.program import engine_of
from ..images.image import BuiltImage, BuiltImageArgs, mirrored
from ..settings import EngineSettings, ImagesSettings, PolicySettings
from .existing_data import foreign_data_hook
from .former_logins import FormerLogins
from .rollout import StackRollout


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


def process_limit_hook(engine: pulumi.Output[DockerEngine]) -> pulumi.ResourceHook:
    """Return the hook that sets the limit of a container's label right after the container was created on `engine`."""

    async def limit(args: pulumi.ResourceHookArgs) -> None:
        labels = {label["label"]: label["value"] for label in (args.new_outputs or {}).get("labels") or []}
        if not (args.id and (pids := labels.get(PIDS_LABEL))):
            return
        where = await engine.future() or DockerEngine()
        # In a thread: Pulumi's own loop goes on meanwhile, and an engine elsewhere takes its time.
        done = await asyncio.to_thread(docker_command, where, "update", "--pids-limit", pids, args.id)
        if done.returncode != 0:
            raise RuntimeError(f"{args.name}: the process limit could not be set: {done.stderr.strip()}")

    return pulumi.ResourceHook("slidegenie-process-limit", limit)


@dataclass(frozen=True, kw_only=True)
class FoundationArgs:
    """What differs between stacks."""

    images: ImagesSettings = ImagesSettings()
    """Third-party images; only the base of the seed image is used here."""
    engine: EngineSettings = EngineSettings()
    """What builds the seed image."""
    policy: PolicySettings = PolicySettings()
    """Which file says how containers are hardened. Default: `security/container-security.yml`."""


class Foundation(pulumi.ComponentResource):
    """Networks, seed image and hash key, shared by all workloads of a stack.

    Owns the networks, the image that fills volumes and the key of content hashes. Refuses a policy file with mistakes,
    and a volume of data that another stack made.
    """

    networks: Networks
    """The network segments."""
    seed_image: pulumi.Output[str]
    """Image whose containers are created to fill a volume, and never started."""

    hardening: Hardening
    """What every container of the stack is given."""
    engine: pulumi.Output[DockerEngine]
    """Where all of it is: what the provider in `opts` says, else the stack's configuration."""
    rollout: StackRollout
    """What ends what a rollout took the place of, and says why one failed."""
    former_logins: FormerLogins
    """What ends the logins at data stores that were before the current ones."""
    limit_processes: pulumi.ResourceHook
    """Runs after each container was created and sets its process limit."""
    refuse_foreign_data: pulumi.ResourceHook
    """Runs before a volume is made which nobody but the state can open."""

    def __init__(self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Foundation", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.hardening = load_policy(args.policy).hardening
        self.engine = engine_of(self)
        self.limit_processes = process_limit_hook(self.engine)
        self.networks = Networks(name, NetworksArgs(), opts=child)
        self.rollout = StackRollout(self.engine, list(self.networks.names.values()))
        self.former_logins = FormerLogins(f"{name}-former-logins", self.engine, self.rollout, parent=self)
        self._gates: list[pulumi.Output[Any]] = []
        seed = BuiltImage(
            f"{name}-seed",
            BuiltImageArgs(
                tag="slidegenie/seed:1",
                context=asset("docker", "seed"),
                dockerfile=asset("docker", "seed", "Dockerfile"),
                build_args={"BASE_IMAGE": mirrored(args.images.seed, args.images)},
                builder=args.engine.builder,
            ),
            opts=child,
        )
        self.seed_image = seed.id_on_engine
        self.refuse_foreign_data = foreign_data_hook(self.engine, self.seed_image)
        self._key = random.RandomPassword(f"{name}-hash-key", length=32, special=False, opts=child).result
        self.register_outputs({"seedImage": self.seed_image})

    def wait_for(self, cleared: pulumi.Output[Any]) -> None:
        """Create and replace no container of this stack before `cleared`, which must not depend on any, is known."""
        self._gates.append(cleared)

    def after_waiting(self, image: pulumi.Input[str]) -> pulumi.Output[str]:
        """Return `image`, known once everything that holds the stack is.

        The wait makes no dependency: what holds the stack decides when a container may change, never whether it does.
        """
        if pulumi.runtime.is_dry_run():
            # Nothing is cleared in a preview; to wait would show every container of the stack as replaced.
            return pulumi.Output.from_input(image)

        async def wait(value: str) -> str:
            for gate in self._gates:
                await gate.future()
            return value

        return pulumi.Output.from_input(image).apply(wait)

    def fingerprint(self, content: pulumi.Input[str]) -> pulumi.Output[str]:
        """Return a short keyed hash of `content`, safe to show in a label even when the content is a secret."""

        def digest(values: list[str]) -> str:
            return hmac.new(values[0].encode(), values[1].encode(), hashlib.sha256).hexdigest()[:16]

        return pulumi.Output.unsecret(pulumi.Output.all(self._key, content).apply(digest))
