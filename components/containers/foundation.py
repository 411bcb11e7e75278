"""What every workload of a stack stands on: networks, the image that seeds volumes, the key for content hashes."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_random as random

from ..core.assets import asset
from ..core.engine import DockerEngine
from ..core.policy.load import load_policy
from ..core.policy.model import Hardening
from ..core.socket_group import engine_of
from ..images.image import BuiltImage, BuiltImageArgs, mirrored
from ..settings import EngineSettings, ImagesSettings, PolicySettings
from .foreign_data import foreign_data_hook
from .network import Networks, NetworksArgs
from .process_limit import process_limit_hook
from .rollout.former_logins import FormerLogins
from .rollout.rollout import StackRollout


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
