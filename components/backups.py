"""Backups and restore drills of one stack: two containers that wait for their hour."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from .containers import FilesMount, HealthCheck, Server, ServerArgs, VolumeMount
from .containers.foundation import Foundation, Zone
from .containers.parts import Parts
from .containers.secrets import given_or_generated
from .containers.volumes import PreparedVolume
from .core.assets import asset
from .core.labels import BACKUPS_DATA, compose_project, host_name
from .images.image import BuiltImage, BuiltImageArgs, mirrored
from .settings import BackupSettings, EngineSettings, ImagesSettings, Limits, SecretsSettings, Settings, reveal
from .stores.clients import Endpoint
from .stores.redis import BACKUP_USER

__all__ = ["Backups", "BackupsArgs"]


@dataclass(frozen=True, kw_only=True)
class RedisLogin:
    """A user of Redis that may take and give snapshots."""

    endpoint: Endpoint
    """Where Redis is."""
    user: pulumi.Input[str]
    """Its name."""
    password: pulumi.Output[str]
    """Its password."""


@dataclass(frozen=True, kw_only=True)
class BackupsArgs:
    """What is saved, where to, and when."""

    foundation: Foundation
    """The stack's foundation."""
    postgres: Endpoint
    """The database."""
    storage: Endpoint
    """The bucket."""
    redis: RedisLogin | None = None
    """Redis. Default: it is not backed up."""
    volumes: Mapping[str, PreparedVolume] = field(default_factory=dict)
    """Further volumes by name, saved as files while they are in use. Default: none."""
    outward: bool = False
    """Whether a data store is outside of the platform, so that the backup needs a way out. Default: it has one only
    when the repository is elsewhere."""
    textfiles: PreparedVolume | None = None
    """Where the metrics go, see `Monitoring.textfiles`. Default: nowhere, and no alert can tell of a bad backup."""
    settings: BackupSettings = BackupSettings()
    """Repository, schedule, retention, hooks, limits."""
    images: ImagesSettings = ImagesSettings()
    """What the backup image is made of."""
    engine: EngineSettings = EngineSettings()
    """What builds the image, and where the data is."""
    secrets: SecretsSettings = SecretsSettings()
    """Password of the repository and what reaches it."""


def saves_redis(settings: Settings) -> bool:
    """Return whether the platform's own Redis is backed up."""
    return settings.backup.enabled and settings.backup.redis and settings.redis.external is None


def redis_login(settings: Settings, endpoint: Endpoint, password: pulumi.Output[str] | None) -> RedisLogin | None:
    """Return who takes snapshots at `endpoint`, an external one's own user without `password`; `None` for nobody."""
    if not settings.backup.redis:
        return None
    if password is not None:
        return RedisLogin(endpoint=endpoint, user=BACKUP_USER, password=password)
    return RedisLogin(
        endpoint=endpoint, user=endpoint.environment["REDIS_USER"], password=endpoint.secrets["redis-password"]
    )


_SECRETS = "/run/secrets"
_REPOSITORY, _WORK, _TEXTFILES = "/repository", "/work", "/textfiles"
_HEALTH = HealthCheck(command=["sh", "-c", "grep -qsx supercronic /proc/[0-9]*/comm"], interval_seconds=10)
_TMPFS = {
    "/tmp": 16,  # noqa: S108 - a folder of the container
    # The image of the database says that data is here, and the engine would make a volume for it.
    "/var/lib/postgresql/data": 1,
}


class Backups(pulumi.ComponentResource):
    """`backup` saves and restores; `restore-drill` restores the newest backup on trial.

    The drill has neither a network, unless the repository is elsewhere, nor a password of any data store: whatever it
    restores, it can only restore into itself. Nobody has the engine's socket, so its servers run in its own container.

    Owns both containers, their image and, unless it is elsewhere, the repository: that volume and the password that
    opens it outlive everything else. Refuses a repository that another stack made.
    """

    repository: PreparedVolume | None
    """The volume with the repository; `None` when that is elsewhere."""

    def __init__(self, name: str, args: BackupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Backups", name, None, opts)
        self._name, self._args = name, args
        self._stack = compose_project()
        self._parts = Parts(name=name, foundation=args.foundation, parent=self, data_root=args.engine.data_root)
        settings = args.settings
        self._remote = settings.repository is not None
        self.repository = (
            None
            if self._remote
            else self._parts.data(BACKUPS_DATA, f"{BACKUPS_DATA}-data", host_path=settings.path, retained=True)
        )
        self._image = self._build()
        self._repository_secrets = self._secrets_of_repository()
        outward = [Zone.APPLICATION] if self._remote or args.outward else []
        endpoints = [args.postgres, args.storage, *([args.redis.endpoint] if args.redis else [])]
        self._server(
            "backup",
            zones=[Zone.DATA, *outward],
            schedules={"backup": settings.schedule, "check": settings.check_schedule},
            limits=settings.limits,
            environment=self._stores() | self._what(),
            secrets={
                **args.postgres.secrets,
                **args.storage.secrets,
                **({"redis-backup-password": args.redis.password} if args.redis is not None else {}),
            },
            volumes=[
                VolumeMount(volume=volume, path=f"/volumes/{role}", read_only=True)
                for role, volume in sorted(args.volumes.items())
            ],
            after=[resource for endpoint in endpoints for resource in endpoint.ready],
        )
        self._server(
            "restore-drill",
            zones=[Zone.APPLICATION] if self._remote else [],
            schedules={"drill": settings.drill_schedule},
            limits=settings.drill_limits,
            environment={},
            secrets={},
            volumes=[],
            after=[],
        )
        self.register_outputs({})

    def _server(
        self,
        service: str,
        *,
        schedules: Mapping[str, str],
        limits: Limits,
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, pulumi.Input[str]],
        volumes: list[VolumeMount],
        **rest: Any,
    ) -> None:
        args, name = self._args, f"{self._name}-{service}"
        files = self._parts.files(f"{service}-secrets", {**self._repository_secrets, **secrets})
        work = self._parts.data(f"{service}-work", f"{service}-work-data")
        mounts = [VolumeMount(volume=work, path=_WORK), *volumes]
        if self.repository is not None:
            mounts.append(VolumeMount(volume=self.repository, path=_REPOSITORY, read_only=service == "restore-drill"))
        if args.textfiles is not None:
            mounts.append(VolumeMount(volume=args.textfiles, path=_TEXTFILES))
        Server(
            name,
            ServerArgs(
                foundation=args.foundation,
                service=service,
                image=self._image,
                # Locks in the repository name it: those of a container that was replaced are then known as dead.
                host_name=host_name(service),
                limits=limits,
                environment=self._common(schedules) | dict(environment),
                files=[FilesMount(files=files, path=_SECRETS)],
                volumes=mounts,
                tmpfs_mib=_TMPFS,
                health=_HEALTH,
                # A backup under way may end if it is about to; else the next one begins anew.
                grace_seconds=20,
                **rest,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _common(self, schedules: Mapping[str, str]) -> dict[str, str]:
        args = self._args
        common = {
            "BACKUP_STACK": self._stack,
            "BACKUP_SCHEDULES": json.dumps(dict(schedules)),
            "BACKUP_WORK": _WORK,
            "RESTIC_REPOSITORY": args.settings.repository or _REPOSITORY,
            # In the container every local one is in the same folder.
            "BACKUP_PLACE": args.settings.repository or args.settings.path or "volume",
            "RESTIC_PASSWORD_FILE": f"{_SECRETS}/repository-password",
            "BACKUP_DEPUTY_FILE": f"{_SECRETS}/repository-deputy",
            # The driver says so itself; this is for who runs restic in the container by hand.
            "RESTIC_CACHE_DIR": f"{_WORK}/cache",
            # Where programs look for a home; the image's is not ours to write.
            "HOME": "/tmp",  # noqa: S108 - a folder of the container
            "TZ": "UTC",
        }
        if "repository-credentials" in self._repository_secrets:
            common["BACKUP_CREDENTIALS_FILE"] = f"{_SECRETS}/repository-credentials"
        return common | ({"BACKUP_TEXTFILES": _TEXTFILES} if args.textfiles is not None else {})

    def _what(self) -> dict[str, str]:
        settings = self._args.settings
        return {
            "KEEP_DAILY": str(settings.keep_daily),
            "KEEP_WEEKLY": str(settings.keep_weekly),
            "KEEP_MONTHLY": str(settings.keep_monthly),
            "CHECK_PERCENT": str(settings.check_percent),
            **({"BACKUP_VOLUMES": ",".join(sorted(self._args.volumes))} if self._args.volumes else {}),
            **({"BACKUP_BEFORE": settings.before} if settings.before else {}),
            **({"BACKUP_AFTER": settings.after} if settings.after else {}),
        }

    def _stores(self) -> dict[str, pulumi.Input[str]]:
        args = self._args
        variables = dict(args.postgres.environment) | dict(args.storage.environment)
        for endpoint in (args.postgres, args.storage):
            variables |= {variable: f"{_SECRETS}/{file}" for variable, file in endpoint.secret_variables.items()}
        if args.redis is not None:
            variables |= {key: args.redis.endpoint.environment[key] for key in ("REDIS_HOST", "REDIS_PORT")}
            variables |= {
                "BACKUP_REDIS_USER": args.redis.user,
                "BACKUP_REDIS_PASSWORD_FILE": f"{_SECRETS}/redis-backup-password",
            }
        return variables

    def _secrets_of_repository(self) -> dict[str, pulumi.Input[str]]:
        given = self._args.secrets
        secrets: dict[str, pulumi.Input[str]] = {
            "repository-password": given_or_generated(
                f"{self._name}-password", reveal(given.backup_password), parent=self
            ),
            # Lets a new password in. Whoever has lost both has lost the backups.
            "repository-deputy": given_or_generated(f"{self._name}-deputy", None, parent=self),
        }
        if given.backup_credentials:
            plain = {variable: value.get_secret_value() for variable, value in given.backup_credentials.items()}
            secrets["repository-credentials"] = pulumi.Output.secret(json.dumps(plain))
        return secrets

    def _build(self) -> pulumi.Output[str]:
        images, engine = self._args.images, self._args.engine
        scheduler = (
            {"GOLANG_IMAGE": mirrored(images.golang, images)}
            if images.supercronic is None
            else {"SUPERCRONIC_IMAGE": mirrored(images.supercronic, images), "SCHEDULER": "given"}
        )
        return BuiltImage(
            self._name,
            BuiltImageArgs(
                tag="slidegenie/backup:1",
                context=asset("docker", "backup"),
                dockerfile=asset("docker", "backup", "Dockerfile"),
                build_args={
                    "POSTGRES_IMAGE": mirrored(images.postgres, images),
                    "RESTIC_IMAGE": mirrored(images.restic, images),
                    "MINIO_IMAGE": mirrored(images.minio, images),
                    **scheduler,
                },
                builder=engine.builder,
                ca_bundle=engine.ca_bundle,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        ).id_on_engine
