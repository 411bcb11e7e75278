"""Redis, built in or external: a cache that survives restarts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from ..containers import FilesMount, HealthCheck, Server, ServerArgs, VolumeMount
from ..containers.foundation import Foundation, Zone
from ..containers.parts import Parts
from ..settings import ExternalRedis, ImagesSettings, RedisSettings
from .clients import Endpoint, LoginArgs, login

_USER = "slidegenie"
BACKUP_USER = "backup"
"""The user that takes and gives snapshots."""
_BACKUP_RULES = "~* -@all +ping +info +dbsize +sync +psync +replconf +replicaof +flushall"
"""It reads everything and replaces everything, and is of no use to the application."""
_USERS_LABEL = "io.slidegenie.users"
"""On the server: which users it starts with and what they may, whatever their passwords are."""
_CONFIG = """\
bind 0.0.0.0
port 6379
# The access list below protects it: without a password nothing but PING is allowed.
protected-mode no
aclfile /run/secrets/users.acl
dir /data
appendonly yes
appendfsync everysec
maxmemory {maxmemory}mb
maxmemory-policy allkeys-lru
"""


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    """What the cache needs to know."""

    foundation: Foundation
    """The stack's foundation."""
    administrator: tuple[pulumi.Output[str], pulumi.Output[str]]
    """Passwords of the users `administrator` and `deputy`, who may set passwords and nothing else."""
    password: pulumi.Output[str]
    """Password of the user `slidegenie`."""
    backup_password: pulumi.Output[str] | None = None
    """Password of the user `backup`, which may take and give snapshots. Default: there is no such user."""
    settings: RedisSettings = RedisSettings()
    """Memory for data, limits."""
    images: ImagesSettings = ImagesSettings()
    """Which Redis."""
    data_root: str | None = None
    """Where the data is, see `DataVolumeArgs.data_root`."""


class Redis(pulumi.ComponentResource):
    """One Redis with an access list, reachable on the data network only.

    Owns the container, its data volume, which Pulumi refuses to delete, and the login of services. Refuses logins
    without a password, and to services what administers it.
    """

    endpoint: Endpoint
    """How clients reach it."""

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Redis", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        parts = Parts(name=name, foundation=args.foundation, parent=self, images=args.images, data_root=args.data_root)
        data = parts.data("redis")
        config = parts.files("config", {"redis.conf": _CONFIG.format(maxmemory=args.settings.maxmemory_mib)})
        administrator, deputy = args.administrator
        users = pulumi.Output.all(args.password, administrator, deputy, args.backup_password)
        # Redis reads it when it starts; while it runs, the login's job tells it.
        secrets = parts.files("secrets", {"users.acl": users.apply(_access_list)}, live=True)
        image = parts.pulled(args.images.redis)
        server = Server(
            name,
            ServerArgs(
                foundation=args.foundation,
                service="redis",
                image=image,
                zones=[Zone.DATA],
                limits=args.settings.limits,
                command=["redis-server", "/usr/local/etc/redis/redis.conf"],
                files=[
                    FilesMount(files=config, path="/usr/local/etc/redis"),
                    FilesMount(files=secrets, path="/run/secrets"),
                ],
                volumes=[VolumeMount(volume=data, path="/data")],
                health=HealthCheck(
                    # redis-cli ends with 0 on an error reply too, so the answer is read.
                    command=["sh", "-c", "redis-cli --user health --pass health --no-auth-warning ping | grep -q PONG"],
                ),
                # A Redis that started with other users does not know those who could admit the current ones.
                labels={_USERS_LABEL: hashlib.sha256(_access_list(["", "", "", None]).encode()).hexdigest()[:16]},
                grace_seconds=30,
            ),
            opts=child,
        )
        admitted = login(
            f"{name}-login",
            LoginArgs(
                foundation=args.foundation,
                store="redis",
                image=image,
                secrets={
                    "administrator-password": administrator,
                    "deputy-password": deputy,
                    "admit": users.apply(_admit),
                    "retire": args.password.apply(_retire),
                },
                after=[server],
            ),
            parent=self,
        )
        self.endpoint = _endpoint(ExternalRedis(host="redis", user=_USER), args.password, ready=(server, admitted))
        self.register_outputs({})


def external_redis(settings: ExternalRedis, password: pulumi.Output[str]) -> Endpoint:
    """Return how clients reach a Redis that somebody else runs."""
    return _endpoint(settings, password)


def _endpoint(where: ExternalRedis, password: pulumi.Output[str], ready: tuple[pulumi.Resource, ...] = ()) -> Endpoint:
    return Endpoint(
        environment={"REDIS_HOST": where.host, "REDIS_PORT": str(where.port), "REDIS_USER": where.user},
        secrets={"redis-password": password},
        secret_variables={"REDIS_PASSWORD_FILE": "redis-password"},
        ready=ready,
    )


def _access_list(passwords: Sequence[str | None]) -> str:
    own, administrator, deputy, backup = map(_hash, passwords)
    return (
        "user default off\n"
        f"user {_USER} on {own} ~* &* +@all -@admin -@dangerous +info +keys\n"
        f"user administrator on {administrator} -@all +ping +acl|setuser\n"
        f"user deputy on {deputy} -@all +ping +acl|setuser\n"
        # The health check needs no password: it may ask one thing.
        "user health on nopass -@all +ping\n"
        # Nor do its metrics: statistics, no keys and no settings.
        "user monitor on nopass -@all +ping +info +latency|latest +slowlog|len +slowlog|get\n"
        + (f"user {BACKUP_USER} on {backup} {_BACKUP_RULES}\n" if backup else "")
    )


def _admit(passwords: Sequence[str | None]) -> str:
    """Let the user in with this password too; for all others theirs is the only one at once."""
    own, administrator, deputy, backup = map(_hash, passwords)
    return (
        f"ACL SETUSER {_USER} {own}\n"
        f"ACL SETUSER administrator resetpass {administrator}\n"
        f"ACL SETUSER deputy resetpass {deputy}\n"
        f"ACL SETUSER {BACKUP_USER} reset{f' on {backup} {_BACKUP_RULES}' if backup else ''}\n"
    )


def _retire(password: str) -> str:
    return f"ACL SETUSER {_USER} resetpass {_hash(password)}\n"


def _hash(password: str | None) -> str | None:
    return None if password is None else f"#{hashlib.sha256(password.encode()).hexdigest()}"
