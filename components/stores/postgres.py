"""PostgreSQL, built in or external."""

from dataclasses import dataclass, replace

import pulumi

from ..containers import FilesMount, HealthCheck, Server, ServerArgs, VolumeMount
from ..containers.foundation import Foundation, Zone
from ..containers.parts import Parts
from ..settings import ExternalPostgres, ImagesSettings, Limits, PostgresSettings, SslMode
from .clients import Endpoint, LoginArgs, login, login_file

_NAME = "slidegenie"
_PASSWORD = "postgres-password"  # noqa: S105 - a file's name
_ROOT_CERTIFICATE = "postgres-root-certificate"
_DATA = "/var/lib/postgresql/data"


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """What the database needs to know."""

    foundation: Foundation
    """The stack's foundation."""
    administrator: tuple[pulumi.Output[str], pulumi.Output[str]]
    """Passwords of the superuser `slidegenie` and of its deputy; services never get them."""
    login: pulumi.Output[str]
    """Name that services log in with, another one for each password."""
    password: pulumi.Output[str]
    """Password of that login."""
    settings: PostgresSettings = PostgresSettings()
    """Limits."""
    images: ImagesSettings = ImagesSettings()
    """Which PostgreSQL."""
    data_root: str | None = None
    """Where the data is, see `DataVolumeArgs.data_root`."""


class Postgres(pulumi.ComponentResource):
    """One PostgreSQL with checksums and SCRAM passwords, reachable on the data network only.

    Owns the container, its data volume, which Pulumi refuses to delete, and the login of services. Refuses data that
    another stack made, as its passwords are not this one's, and logins without a password.
    """

    endpoint: Endpoint
    """How clients reach it."""

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Postgres", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        limits = args.settings.limits
        parts = Parts(name=name, foundation=args.foundation, parent=self, images=args.images, data_root=args.data_root)
        data = parts.data("postgres", locked=True)
        administrator, deputy = args.administrator
        # Read once, when the database is made: a later one is no reason to restart it.
        secrets = parts.files("secrets", {"password": administrator}, live=True)
        image = parts.pulled(args.images.postgres)
        server = Server(
            name,
            ServerArgs(
                foundation=args.foundation,
                service="postgres",
                image=image,
                zones=[Zone.DATA],
                limits=limits,
                command=["postgres", *_tuning(limits)],
                environment={
                    "POSTGRES_USER": _NAME,
                    "POSTGRES_DB": _NAME,
                    "POSTGRES_PASSWORD_FILE": "/run/secrets/password",
                    "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --data-checksums",
                    # A folder below the volume: initdb refuses one that is not its own.
                    "PGDATA": f"{_DATA}/pgdata",
                },
                files=[FilesMount(files=secrets, path="/run/secrets")],
                volumes=[VolumeMount(volume=data, path=_DATA)],
                tmpfs_mib={"/tmp": 64, "/var/run/postgresql": 1},  # noqa: S108 - folders of the container
                shm_mib=128,
                health=HealthCheck(
                    # Over TCP: while the database is being made, only its socket answers.
                    command=["pg_isready", "-q", "-h", "127.0.0.1", "-U", _NAME, "-d", _NAME],
                    interval_seconds=5,
                ),
                # A checkpoint must fit in; killed before, the next start replays the log.
                grace_seconds=90,
            ),
            opts=child,
        )
        admitted = login(
            f"{name}-login",
            LoginArgs(
                foundation=args.foundation,
                store="postgres",
                image=image,
                files={f"{step}.sql": login_file(f"{step}.sql") for step in ("admit", "retire")},
                secrets={
                    "administrator-password": administrator,
                    "deputy-password": deputy,
                    "login-password": args.password,
                },
                environment={"LOGIN": args.login},
                after=[server],
            ),
            parent=self,
        )
        self.endpoint = _endpoint(
            ExternalPostgres(host="postgres", sslmode=SslMode.DISABLE),
            args.login,
            args.password,
            ready=(server, admitted),
            administrator=administrator,
        )
        self.register_outputs({})


def external_postgres(settings: ExternalPostgres, password: pulumi.Output[str]) -> Endpoint:
    """Return how clients reach a PostgreSQL that somebody else runs."""
    return _endpoint(settings, settings.user, password)


def as_administrator(endpoint: Endpoint) -> Endpoint:
    """Return how a job of the platform reaches all of a database; a database of somebody else's, as services do."""
    if endpoint.administrator is None:
        return endpoint
    return replace(
        endpoint,
        environment={**endpoint.environment, "DATABASE_USER": _NAME},
        secrets={_PASSWORD: endpoint.administrator},
    )


def _endpoint(
    where: ExternalPostgres,
    user: pulumi.Input[str],
    password: pulumi.Output[str],
    *,
    ready: tuple[pulumi.Resource, ...] = (),
    administrator: pulumi.Output[str] | None = None,
) -> Endpoint:
    trusted: dict[str, pulumi.Output[str]] = {}
    if where.root_certificate is not None:
        trusted[_ROOT_CERTIFICATE] = pulumi.Output.from_input(where.root_certificate)
    return Endpoint(
        environment={
            "DATABASE_HOST": where.host,
            "DATABASE_PORT": str(where.port),
            "DATABASE_NAME": where.database,
            "DATABASE_USER": user,
            "DATABASE_SSLMODE": where.sslmode.value,
        },
        secrets={_PASSWORD: password, **trusted},
        secret_variables={"DATABASE_PASSWORD_FILE": _PASSWORD}
        | ({"DATABASE_SSLROOTCERT": _ROOT_CERTIFICATE} if trusted else {}),
        ready=ready,
        administrator=administrator,
    )


def _tuning(limits: Limits) -> list[str]:
    """Fit the two settings that matter most to the container's memory; PostgreSQL's own defaults know nothing of it."""
    options = {
        "shared_buffers": f"{max(limits.memory_mib // 4, 16)}MB",
        "effective_cache_size": f"{max(limits.memory_mib * 3 // 4, 32)}MB",
        "max_connections": "100",
        "log_min_duration_statement": "1s",
        "log_connections": "off",
    }
    return [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
