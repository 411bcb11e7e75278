"""The settings, section by section. What is written here is the schema, the manual and the defaults."""

import datetime
import enum
import re
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, field_validator, model_validator

from ..base import Limits, Section
from ..refusal import refused
from ..values.addresses import Port, WebUrl
from ..values.image_names import ImageReference, Namespace, RegistryHost, RegistryPath, RunnableImage
from ..values.paths import ContainerPath, HostPath
from ..values.texts import Line, Script, Text, VariableName
from ..values.versions import third_party

_TAKEN = frozenset(
    {
        *("alertmanager", "backup-work", "backups", "certificates", "grafana", "metrics", "minio", "postgres"),
        *("prometheus", "redis", "restore-drill-work", "routes"),
    }
)
"""Names of the platform's own volumes."""

REFERENCE_HEALTH = ("python", "-m", "app", "health")
"""How the reference backend's container is asked whether it is healthy."""
REFERENCE_MIGRATIONS = ("python", "-m", "app", "migrate")
"""How the reference backend's image brings the database up to date."""

_Command = tuple[Annotated[Text, Field(min_length=1)], ...]
_Builder = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]

_SET_BY = {
    "PORT": "backend.port",
    "RELEASE": "backend.release",
    "WEB_WORKERS": "backend.workers",
    "DRAIN_SECONDS": "backend.drainSeconds",
    "SHUTDOWN_SECONDS": "backend.shutdownSeconds",
    **dict.fromkeys(("DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "DATABASE_USER"), "postgres.external"),
    **dict.fromkeys(("DATABASE_SSLMODE", "DATABASE_SSLROOTCERT"), "postgres.external"),
    "DATABASE_PASSWORD_FILE": "secrets.postgresPassword",
    **dict.fromkeys(("REDIS_HOST", "REDIS_PORT", "REDIS_USER"), "redis.external"),
    "REDIS_PASSWORD_FILE": "secrets.redisPassword",
    **dict.fromkeys(("S3_ENDPOINT", "S3_REGION"), "storage.external"),
    "S3_BUCKET": "storage.bucket",
    "S3_ACCESS_KEY_FILE": "secrets.storageAccessKey",
    "S3_SECRET_KEY_FILE": "secrets.storageSecretKey",
}
"""Variables of the application that follow from settings: set beside them, migrations, application and backups would
each work with another store."""


def _platform(value: str) -> str:
    if not re.fullmatch(r"linux/(386|amd64(/v[2-4])?|arm(/v[5-7])?|arm64(/v8)?|loong64|ppc64le|riscv64|s390x)", value):
        raise refused("a platform of Linux containers, like linux/amd64 or linux/arm/v7", value)
    return value


class Variant(enum.Enum):
    """Which distribution the backend's image is built on."""

    DEBIAN = "debian"
    """glibc; any wheel installs."""
    ALPINE = "alpine"
    """musl; the smallest."""


class Target(enum.Enum):
    """Which stage of the backend's Dockerfile runs; your own has the ones it likes, see `backend.stage`."""

    PRODUCTION = "production"
    """The application and its locked dependencies, nothing else."""
    DEVELOPMENT = "development"
    """Reloads on a change of the source: the folders `app` and `tests` of the context are mounted below `/app`."""
    TESTING = "testing"
    """Runs the backend's own tests."""
    MINIMAL = "minimal"
    """Production without package manager and shell tools; Alpine only."""


class BuildCache(enum.Enum):
    """Where a build of a pushed image has layers from that another machine built before."""

    OFF = "off"
    """From the builder itself only."""
    INLINE = "inline"
    """The image under the same name before; every builder can, and only the layers of the image itself are there."""
    REGISTRY = "registry"
    """A tag of its own, `cache-<name>`, with the layers of every stage; needs a builder of its own."""


class EngineSettings(Section):
    """The Docker host."""

    data_root: HostPath | None = None
    """Folder on the Docker host that holds all data, one sub-folder per service, owned by 1000:1000.
    Default: volumes managed by Docker."""
    ca_bundle: HostPath | None = None
    """PEM file of the authorities that image builds trust besides the public ones, for networks that intercept TLS."""
    builder: _Builder = "default"
    """Builder of `docker buildx` for images that stay on the engine; the engine's own has the name of the Docker
    context."""
    socket: HostPath = "/var/run/docker.sock"
    """The engine's socket on the Docker host, whatever it is called. Only the allow-list in front of it mounts it; the
    container policy knows it in its usual places, any other needs an exception."""
    socket_group: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None
    """Numeric group that owns the socket. Default: read from the socket when the engine is local."""


class ImagesSettings(Section):
    """Third-party and base images, each as `name:tag` with an optional digest."""

    mirror: RegistryPath | None = None
    """Registry that stands in for every other, as `host[:port][/path]`. Default: each image's own registry."""
    python_debian: ImageReference = third_party("python-debian")
    """Base of the Debian variants of the backend."""
    python_alpine: ImageReference = third_party("python-alpine")
    """Base of the Alpine variants of the backend. `python:3.11-alpine3.18` works, but is out of support since
    May 2025."""
    seed: ImageReference = third_party("seed")
    """Base of the tiny image that gives new volumes their owner and files."""
    postgres: ImageReference = third_party("postgres")
    """PostgreSQL; must be a Debian variant (Alpine's cannot initialise as user 1000)."""
    redis: ImageReference = third_party("redis")
    """Redis."""
    minio: ImageReference = third_party("minio")
    """MinIO, the built-in object store."""
    minio_client: ImageReference = third_party("minio-client")
    """An image with MinIO's client `mc` and a shell, which makes the users of the built-in object store."""
    traefik: ImageReference = third_party("traefik")
    """Traefik 3.6.1 or newer; older ones cannot talk to Docker 29."""
    socket_proxy: ImageReference = third_party("socket-proxy")
    """HAProxy, the allow-list in front of the Docker socket; must be a Debian variant (its health check uses bash)."""
    prometheus: ImageReference = third_party("prometheus")
    """Prometheus 3."""
    alertmanager: ImageReference = third_party("alertmanager")
    """Alertmanager."""
    node_exporter: ImageReference = third_party("node-exporter")
    """Node Exporter."""
    postgres_exporter: ImageReference = third_party("postgres-exporter")
    """Exporter for PostgreSQL."""
    redis_exporter: ImageReference = third_party("redis-exporter")
    """Exporter for Redis; must be an Alpine variant (its health check uses wget)."""
    cadvisor: ImageReference = third_party("cadvisor")
    """cAdvisor 0.54 or newer; older ones lose the names of containers on Docker 29."""
    restic: ImageReference = third_party("restic")
    """restic, whose command the backup image takes over."""
    golang: ImageReference = third_party("golang")
    """Go, which compiles the scheduler of the backup image; nobody publishes it as an image."""
    supercronic: ImageReference | None = None
    """An image with the scheduler at `/usr/local/bin/supercronic`. Default: it is compiled."""
    grafana: ImageReference = third_party("grafana")
    """Grafana; must be an Alpine variant (its health check uses wget)."""


class RegistrySettings(Section):
    """Where images are pushed to and run from."""

    address: RegistryHost | None = None
    """Registry host, with its port when it has one. Default: nothing is pushed, images stay on the engine."""
    namespace: Namespace = "slidegenie"
    """Path in front of the image's name."""
    username: Line = "slidegenie"
    """User of the login; its password is `secrets.registryPassword`."""
    platforms: tuple[Annotated[str, AfterValidator(_platform)], ...] = ("linux/amd64", "linux/arm64")
    """Platforms of a pushed image. An image that is only loaded is built for the engine's own."""
    builder: _Builder = "default"
    """Builder of `docker buildx` for pushed images. The engine's own, `default`, builds for one platform; for several,
    `docker buildx create --name slidegenie --driver docker-container` makes one."""
    cache: BuildCache = BuildCache.OFF
    """Where a build has layers from that another machine built, such as CI before: `inline`, the image under the same
    name, or `registry`, a tag `cache-<name>` with the layers of every stage, which takes another builder than
    `default`. Whoever may push there decides what is built upon."""

    @field_validator("username")
    @classmethod
    def _ends_before_the_password(cls, value: str) -> str:
        if ":" in value:
            raise refused("a user without a colon, which ends it in a login", value)
        return value

    @model_validator(mode="after")
    def _several_platforms_need_a_builder(self) -> "RegistrySettings":
        if not self.platforms:
            raise ValueError("platforms must name at least one, like linux/amd64; got none")
        if self.address and len(self.platforms) > 1 and self.builder == "default":
            raise ValueError(
                f"builder 'default' builds for one platform, platforms are {', '.join(self.platforms)}: make a builder"
                " with `docker buildx create --name slidegenie --driver docker-container` and name it in builder, or"
                " leave one platform"
            )
        if self.cache is BuildCache.REGISTRY and self.builder == "default":
            raise ValueError(
                "cache 'registry' is more than builder 'default' can; set cache: inline, or make a builder with `docker"
                " buildx create --name slidegenie --driver docker-container` and name it in builder"
            )
        return self


class OriginSettings(Section):
    """Where the backend's image comes from. It becomes labels of the image, so a change replaces the containers."""

    source: WebUrl | None = None
    """Address of the source code. Default: the label says `unknown`."""
    revision: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$", examples=["3f2c1ab"])] | None = None
    """Commit. Default: the label says `unknown`."""
    created: AwareDatetime | None = None
    """Date of the commit, as `2026-01-31T12:00:00Z`, and not of the build: then two builds can be the same. Default:
    the label says 1970."""

    @field_validator("created")
    @classmethod
    def _has_a_number_of_seconds(cls, value: datetime.datetime | None) -> datetime.datetime | None:
        # SOURCE_DATE_EPOCH counts from there.
        if value is not None and value.timestamp() < 0:
            raise refused("a date from 1970 on, like 2026-01-31T12:00:00Z", value.isoformat())
        return value

    def build_args(self) -> dict[str, str]:
        """Return the build arguments that say so; none for what is not known."""
        arguments = {"SOURCE": self.source, "REVISION": self.revision}
        if self.created is not None:
            moment = self.created.astimezone(datetime.UTC).replace(microsecond=0)
            arguments["CREATED"] = moment.isoformat().replace("+00:00", "Z")
            arguments["SOURCE_DATE_EPOCH"] = str(int(moment.timestamp()))
        return {name: value for name, value in arguments.items() if value is not None}


class BackendSettings(Section):
    """The application."""

    variant: Variant = Variant.DEBIAN
    """Distribution of the image."""
    target: Target = Target.PRODUCTION
    """Stage of the Dockerfile."""
    context: Script | None = None
    """Build context of your own application, seen from the folder of `Pulumi.yaml`. The build gets `PYTHON_IMAGE`,
    `VERSION` and what `origin` says as arguments. Default: the reference backend."""
    dockerfile: Script | None = None
    """Dockerfile, relative to the context. Default: `<variant>.Dockerfile` for the reference backend, else
    `Dockerfile`."""
    stage: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", examples=["runtime"])] | None = None
    """Stage of your own Dockerfile. Default: the one with the name of `target` where it has that, else its last."""
    image: RunnableImage | None = None
    """A ready image of your own application; nothing is built. It needs a digest with `supplyChain.require: enforce`.
    Default: built from `context`."""
    health_command: Annotated[_Command, Field(min_length=1)] | None = None
    """Program and arguments, run in the container without a shell; ends with 0 while `/health/live` answers 200.
    Default: the reference backend's; required for your own application."""
    migrate_command: _Command | None = None
    """Arguments to the image's entry point that bring the database up to date and end with 0, before a new release
    starts; an empty list for none. Default: the reference backend's; none for your own application."""
    release: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$", examples=["1.4.2"])] = "0.0.0-dev"
    """Version of the application, written into the image, its tags, log lines and labels; up to 100 characters."""
    origin: OriginSettings = OriginSettings()
    """Source, commit and date of what is built."""
    port: Port = 8000
    """Port the application listens on, which it is told as `PORT`; Prometheus reads `/metrics` there."""
    replicas: Annotated[int, Field(ge=1, le=50)] = 2
    """Containers behind the proxy."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Worker processes per container."""
    drain_seconds: Annotated[int, Field(ge=2, le=120)] = 5
    """How long a container that is told to stop goes on serving after it failed its health check."""
    shutdown_seconds: Annotated[int, Field(ge=1, le=600)] = 20
    """How long requests under way may take to finish after the drain."""
    start_seconds: Annotated[int, Field(ge=5, le=3600)] = 60
    """How long a new container may take to become healthy before the rollout fails and the old release stays."""
    environment: dict[VariableName, Text] = Field(default={})
    """Further environment variables. Never a secret: anything that can inspect the container can read them. Those that
    other settings decide, such as `DATABASE_HOST`, are refused; `FORWARDED_ALLOW_IPS`, the private networks, may be
    said anew."""
    volumes: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", examples=["uploads"])], ContainerPath] = (
        Field(default={})
    )
    """Folders for files that outlive a release, by name, such as `uploads: /app/uploads`. All replicas share them; they
    are owned by 1000:1000, lie in `<engine.dataRoot>/<name>` or a volume of the engine's, and are backed up. Default:
    none."""
    limits: Limits = Limits(memory_mib=512)
    """Limits of one container."""

    @model_validator(mode="after")
    def _volumes_are_its_own(self) -> "BackendSettings":
        if taken := sorted(self.volumes.keys() & _TAKEN):
            raise ValueError(f"volumes.{taken[0]}: is a volume of the platform's own; choose another name")
        places: dict[str, str] = {}
        for name, path in self.volumes.items():
            if path in self._code:
                raise ValueError(f"volumes.{name}: {path} is the application's code; choose a folder like /app/uploads")
            if (other := places.setdefault(path, name)) != name:
                raise ValueError(f"volumes.{name}: is in the place of volumes.{other}, {path}; choose another folder")
        return self

    @property
    def _code(self) -> tuple[str, ...]:
        """Where the image, or in development the working tree, has what runs."""
        mounted = ("/app/app", "/app/tests") if self.target is Target.DEVELOPMENT else ()
        return mounted if self.own else ("/app", "/app/app", *mounted)

    @model_validator(mode="after")
    def _settings_are_not_said_twice(self) -> "BackendSettings":
        lines = [
            f"environment.{name}: follows from {_SET_BY[name]}; say it there, or give your variable another name"
            for name in sorted(self.environment.keys() & _SET_BY.keys())
        ]
        if lines:
            raise ValueError("\n".join(lines))
        return self

    @model_validator(mode="after")
    def _minimal_is_alpine(self) -> "BackendSettings":
        if self.target is Target.MINIMAL and self.variant is not Variant.ALPINE:
            raise ValueError("target 'minimal' exists for variant 'alpine' only; set variant: alpine")
        if self.image and (self.context or self.dockerfile or self.stage):
            raise ValueError("image and context exclude each other; a ready image is not built: remove one of them")
        return self

    @model_validator(mode="after")
    def _own_application_says_how(self) -> "BackendSettings":
        if self.own and self.health_command is None:
            raise ValueError(
                "healthCommand is required with context or image: a program in your image that ends with 0 while"
                f" /health/live answers 200, such as [wget, -qO-, http://127.0.0.1:{self.port}/health/live]"
            )
        if self.stage and not self.own:
            raise ValueError("stage is one of your own Dockerfile; set context, or choose the reference's with target")
        return self

    @property
    def own(self) -> bool:
        """Whether an application of your own takes the reference backend's place."""
        return bool(self.context or self.image)

    @property
    def health(self) -> tuple[str, ...]:
        """The health check of its container."""
        return self.health_command or REFERENCE_HEALTH

    @property
    def migrations(self) -> tuple[str, ...]:
        """The command of the job before a new release; empty for no job."""
        if self.migrate_command is not None:
            return self.migrate_command
        return () if self.own else REFERENCE_MIGRATIONS
