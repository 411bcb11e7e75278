"""Secrets of a stack: given in the configuration, or generated once and kept in the encrypted state."""

import pulumi
import pulumi_random as random

from .settings import Secrets, reveal


class StackSecrets(pulumi.ComponentResource):
    """Hands out each secret by name. A generated one never changes until it is rotated, and survives `make down`."""

    def __init__(self, name: str, given: Secrets, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:StackSecrets", name, None, opts)
        self._name = name
        self.postgres_password = self._secret("postgres-password", reveal(given.postgres_password))
        """Password of the PostgreSQL role."""
        self.redis_password = self._secret("redis-password", reveal(given.redis_password))
        """Password of the Redis user."""
        self.storage_access_key = self._secret("storage-access-key", reveal(given.storage_access_key), length=20)
        """S3 access key."""
        self.storage_secret_key = self._secret("storage-secret-key", reveal(given.storage_secret_key))
        """S3 secret key."""
        self.register_outputs({})

    def _secret(self, role: str, given: str | None, length: int = 40) -> pulumi.Output[str]:
        return given_or_generated(f"{self._name}-{role}", given, parent=self, length=length)


def given_or_generated(
    name: str, given: str | None, *, parent: pulumi.Resource, length: int = 40
) -> pulumi.Output[str]:
    """Return `given` as a secret, or one that is generated once under `name`."""
    if given is not None:
        return pulumi.Output.secret(given)
    return random.RandomPassword(
        name,
        length=length,
        # Letters and digits only: these end up in URLs, ACL files and shells.
        special=False,
        # The data behind a password outlives a `make down`; so must the password.
        opts=pulumi.ResourceOptions(parent=parent, protect=True),
    ).result
