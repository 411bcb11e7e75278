"""The application: its image, its commands, its replicas."""

import datetime
import enum
from collections.abc import Iterator
from typing import Annotated

from pydantic import AwareDatetime, Field, field_validator

from ..addresses import Port, WebUrl
from ..base import Limits, Section
from ..errors import refused
from ..references import RunnableImage
from ..texts import ContainerPath, Script, Text, VariableName

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

_Token = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", examples=["website"])]
_Command = tuple[Annotated[Text, Field(min_length=1)], ...]

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
_OF_THE_REFERENCE = {
    "API_OPEN": "backend.tokens",
    "API_TOKENS_FILE": "backend.tokens",
    "API_QUOTA_MIB": "backend.quotaMib",
    "BUILD_QUEUE": "backend.buildQueue",
}
"""What the reference backend is told. Your own application may have such variables, unless it has tokens."""


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
    reference: bool = False
    """Whether `image` is one of the reference backend, built elsewhere or before: it keeps that one's commands, tokens
    and bounds. Default: it is an application of your own."""
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
    surge: Annotated[int, Field(ge=1, le=50)] = 2
    """Containers of a new release that start together, and at most so many above `replicas` that run at a time. More is
    faster, and needs memory and processors for as many more."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Worker processes per container."""
    drain_seconds: Annotated[int, Field(ge=2, le=120)] = 5
    """How long a container that is told to stop goes on serving after it failed its health check."""
    shutdown_seconds: Annotated[int, Field(ge=1, le=600)] = 20
    """How long requests under way may take to finish after the drain."""
    start_seconds: Annotated[int, Field(ge=5, le=3600)] = 60
    """How long a new container may take to become healthy before the rollout fails and the old release stays."""
    tokens: tuple[_Token, ...] | None = None
    """Names of the bearer tokens that requests need, each with another owner: what is made with one is seen with no
    other. They are generated. An empty list: everybody is answered, as owner `default`, whose is as well what was made
    before there were tokens. Default: `[default]`; none with `target: development`. Your own application gets none
    unless you name some: then `API_TOKENS_FILE` says which file has their names and SHA-256 hashes."""
    quota_mib: Annotated[int, Field(ge=1, le=1_048_576)] = 10_240
    """What presentations of one owner may take in the bucket, in MiB; the next one is answered 507. An ordinary one
    takes 30 kB, the largest one 1 MB. Of the reference backend."""
    build_queue: Annotated[int, Field(ge=0, le=1000)] = 16
    """Presentations that may wait to be built, for each worker; the next one is answered 503 at once. Building the
    largest takes about half a second of a core. Of the reference backend."""
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
    rollback: Annotated[int, Field(ge=1)] | None = None
    """Number of an earlier release, one of the stack's output `releases`: its image runs, as this section was then, in
    place of what this section says now; `volumes` stay. Default: what this section says."""
    rollback_unchecked: bool = False
    """Go back to it though its migrations do not say that it works on the database as it is."""

    def _broken(self) -> Iterator[str]:
        yield from self._broken_volumes()
        set_by = _SET_BY if self.own and not self.tokens else _SET_BY | _OF_THE_REFERENCE
        for name in sorted(self.environment.keys() & set_by.keys()):
            yield f"environment.{name}: follows from {set_by[name]}; say it there, or give your variable another name"
        for number, name in enumerate(self.tokens or ()):
            if name in (self.tokens or ())[:number]:
                yield f"tokens.{number}: {name!r} is there already; give each token a name of its own"
            elif name.endswith("-former"):
                yield f"tokens.{number}: must not end with -former, the one before a token is called so"
        if self.target is Target.MINIMAL and self.variant is not Variant.ALPINE:
            yield "target 'minimal' exists for variant 'alpine' only; set variant: alpine"
        if self.image and (self.context or self.dockerfile or self.stage):
            yield "image and context exclude each other; a ready image is not built: remove one of them"
        elif self.own and self.health_command is None:
            yield (
                "healthCommand is required with context or image: a program in your image that ends with 0 while"
                f" /health/live answers 200, such as [wget, -qO-, http://127.0.0.1:{self.port}/health/live]"
            )
        if self.reference and not self.image:
            yield "reference says what image is: set image, or take reference out"
        if self.stage and not self.own:
            yield "stage is one of your own Dockerfile; set context, or choose the reference's with target"

    def _broken_volumes(self) -> Iterator[str]:
        if taken := sorted(self.volumes.keys() & _TAKEN):
            yield f"volumes.{taken[0]}: is a volume of the platform's own; choose another name"
        places: dict[str, str] = {}
        for name, path in self.volumes.items():
            if path in self._code:
                yield f"volumes.{name}: {path} is the application's code; choose a folder like /app/uploads"
            if (other := places.setdefault(path, name)) != name:
                yield f"volumes.{name}: is in the place of volumes.{other}, {path}; choose another folder"

    @property
    def _code(self) -> tuple[str, ...]:
        """Where the image, or in development the working tree, has what runs."""
        mounted = ("/app/app", "/app/tests") if self.target is Target.DEVELOPMENT else ()
        return mounted if self.own else ("/app", "/app/app", *mounted)

    @property
    def own(self) -> bool:
        """Whether an application of your own takes the reference backend's place."""
        return bool(self.context or self.image) and not self.reference

    @property
    def token_names(self) -> tuple[str, ...]:
        """Names of the tokens that requests need; none where everybody is answered."""
        if self.tokens is None:
            return () if self.own or self.target is Target.DEVELOPMENT else ("default",)
        return self.tokens

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
