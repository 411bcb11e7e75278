"""Secrets of a stack: given in the configuration, or generated once and kept in the encrypted state.

`slidegenie/rollout/rotation.py` knows them by their names here.
"""

from dataclasses import dataclass

import pulumi
import pulumi_random as random

from ..settings import SecretsSettings, reveal
from .foundation import Foundation

FORMER_NAMES = {
    "postgres-administrator": "postgres-password",
    "storage-root-access": "storage-access-key",
    "storage-root-secret": "storage-secret-key",
}
"""Administrators by what they were called while services logged in as them: their passwords are in the data."""


@dataclass(frozen=True, kw_only=True)
class StackSecretsArgs:
    """What is given."""

    foundation: Foundation
    """The stack's foundation, whose key makes names of logins from passwords."""
    given: SecretsSettings = SecretsSettings()
    """Secrets that somebody gave. Default: each is generated."""


class StackSecrets(pulumi.ComponentResource):
    """Hands out each secret by name. A generated one never changes until it is rotated, and survives `make down`.

    What a service logs in with, and what administers a store, are two things: a given secret is always the service's.
    Owns the generated values, which Pulumi refuses to delete: they open data that outlives the containers.
    """

    def __init__(self, name: str, args: StackSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:StackSecrets", name, None, opts)
        self._name, self._foundation = name, args.foundation
        given = args.given
        self.postgres_password = self._secret("postgres-login-password", reveal(given.postgres_password))
        """Password of the login that services use."""
        self.postgres_login = self._login("postgres-login", self.postgres_password)
        """Name of that login, another one for each password."""
        self.redis_password = self._secret("redis-password", reveal(given.redis_password))
        """Password of the Redis user."""
        self.storage_secret_key = self._secret("storage-login-key", reveal(given.storage_secret_key))
        """S3 secret key of services."""
        access_key: pulumi.Input[str] | None = reveal(given.storage_access_key)
        if access_key is None:
            access_key = self._login("storage-login", self.storage_secret_key)
        self.storage_access_key = pulumi.Output.secret(access_key)
        """S3 access key of services, another one for each secret key."""
        self.register_outputs({})

    def administrator(self, store: str) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """Generate the passwords of a store's administrator and of the deputy that can give it another."""
        return self._secret(f"{store}-administrator", None), self._secret(f"{store}-deputy", None)

    def storage_root(self) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """Generate access and secret key of the object store's root user."""
        return (
            self._secret("storage-root-access", None, length=20),
            self._secret("storage-root-secret", None),
        )

    def redis_backup(self) -> pulumi.Output[str]:
        """Generate the password of the Redis user that takes and gives snapshots."""
        return self._secret("redis-snapshot-password", None)

    def _secret(self, role: str, given: str | None, length: int = 40) -> pulumi.Output[str]:
        former = FORMER_NAMES.get(role)
        was = f"{self._name}-{former}" if former else None
        return given_or_generated(f"{self._name}-{role}", given, parent=self, length=length, was=was)

    def _login(self, role: str, password: pulumi.Output[str]) -> pulumi.Output[str]:
        identity = random.RandomString(
            f"{self._name}-{role}",
            length=8,
            special=False,
            upper=False,
            keepers={"password": self._foundation.fingerprint(password)},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.concat("slidegenie_", identity.result)


def given_or_generated(
    name: str, given: str | None, *, parent: pulumi.Resource, length: int = 40, was: str | None = None
) -> pulumi.Output[str]:
    """Return `given` as a secret, or one that is generated once under `name`, which `was` another name before."""
    if given is not None:
        return pulumi.Output.secret(given)
    return random.RandomPassword(
        name,
        length=length,
        # Letters and digits only: these end up in URLs, ACL files and shells.
        special=False,
        # The data behind a password outlives a `make down`; so must the password.
        opts=pulumi.ResourceOptions(parent=parent, protect=True, aliases=[pulumi.Alias(name=was)] if was else None),
    ).result
