"""The settings of images: names, sources and builders, where one's own is pushed, what it must prove before it runs."""

import enum
import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..addresses import HttpsUrl
from ..base import Section
from ..errors import must_be
from ..references import ImageReference, Namespace, RegistryHost, RegistryPath, third_party
from ..texts import HostPath, Line

_Builder = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


_PLATFORM = re.compile(r"linux/(386|amd64(/v[2-4])?|arm(/v[5-7])?|arm64(/v8)?|loong64|ppc64le|riscv64|s390x)")
_Platform = Annotated[
    str, must_be("a platform of Linux containers, like linux/amd64 or linux/arm/v7", fits=_PLATFORM.fullmatch)
]
_User = Annotated[
    Line, must_be("a user without a colon, which ends it in a login", fits=lambda value: ":" not in value)
]


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
    username: _User = "slidegenie"
    """User of the login; its password is `secrets.registryPassword`."""
    platforms: tuple[_Platform, ...] = ("linux/amd64", "linux/arm64")
    """Platforms of a pushed image. An image that is only loaded is built for the engine's own."""
    builder: _Builder = "default"
    """Builder of `docker buildx` for pushed images. The engine's own, `default`, builds for one platform; for several,
    `docker buildx create --name slidegenie --driver docker-container` makes one."""
    cache: BuildCache = BuildCache.OFF
    """Where a build has layers from that another machine built, such as CI before: `inline`, the image under the same
    name, or `registry`, a tag `cache-<name>` with the layers of every stage, which takes another builder than
    `default`. Whoever may push there decides what is built upon."""

    def _broken(self) -> Iterator[str]:
        if not self.platforms:
            yield "platforms must name at least one, like linux/amd64; got none"
        if self.address and len(self.platforms) > 1 and self.builder == "default":
            yield (
                f"builder 'default' builds for one platform, platforms are {', '.join(self.platforms)}: make a builder"
                " with `docker buildx create --name slidegenie --driver docker-container` and name it in builder, or"
                " leave one platform"
            )
        if self.cache is BuildCache.REGISTRY and self.builder == "default":
            yield (
                "cache 'registry' is more than builder 'default' can; set cache: inline, or make a builder with `docker"
                " buildx create --name slidegenie --driver docker-container` and name it in builder"
            )


GENERATED = "generated"
KEYLESS = "keyless"


class Require(enum.Enum):
    """What becomes of a rollout whose image fails a check."""

    OFF = "off"
    """Nothing is checked, signed or attached."""
    WARN = "warn"
    """What fails is said, and the rollout goes on. No tool is fetched for it."""
    ENFORCE = "enforce"
    """What fails stops the rollout before any container is replaced, a missing tool too."""


class Vendor(Section):
    """Whose signature a third-party image must carry: a key's, or that of an identity."""

    public_key: HostPath | None = None
    """Path of the public key. Default: `identity` and `issuer` say who."""
    identity: Line | None = None
    """Who must have signed, as in the certificate, such as the URL of the workflow that releases the image."""
    issuer: HttpsUrl | None = None
    """The OpenID Connect issuer that must have vouched for `identity`."""

    def _broken(self) -> Iterator[str]:
        given = tuple(value is not None for value in (self.public_key, self.identity, self.issuer))
        if given not in {(True, False, False), (False, True, True)}:
            yield "needs either publicKey, or identity and issuer; give one of the two"


class SupplyChainSettings(Section):
    """Scan, SBOM, signature and verification of the image that runs."""

    require: Require = Require.WARN
    """What becomes of a rollout whose image fails a check."""
    scan_policy: Line | None = None
    """File that says which findings stop a rollout. Default: `security/trivy-scan.yml`."""
    key: Annotated[
        str,
        Field(
            pattern=rf"^({GENERATED}|{KEYLESS}|/[!-~]+|(awskms|azurekms|gcpkms|hashivault|k8s)://[!-~]+)$",
            examples=["generated, keyless, /etc/slidegenie/cosign.key or awskms:///alias/slidegenie"],
        ),
    ] = GENERATED
    """What signs a pushed image: `generated` (a key pair made once, encrypted in the stack's state), the path of a
    private key made by `cosign generate-key-pair` (its password is `secrets.signingPassword`), a KMS URI, or
    `keyless`."""
    public_key: HostPath | None = None
    """Path of the public key that signatures are verified with, for a stack that runs images somebody else signed.
    Default: the public half of `key`."""
    identity: Line | None = None
    """With `key: keyless`: who must have signed, as in the certificate, such as the URL of a CI workflow or an e-mail
    address."""
    issuer: HttpsUrl | None = None
    """With `key: keyless`: the OpenID Connect issuer that must have vouched for `identity`."""
    vendors: dict[str, Vendor] = Field(default={})
    """Third-party images that are verified too, by their key in `images`, which must then have a digest. Default: their
    digest, where there is one, is all that is asked."""

    def _broken(self) -> Iterator[str]:
        named = [name for name in ("identity", "issuer") if getattr(self, name) is not None]
        if self.key == KEYLESS and len(named) < 2:  # noqa: PLR2004 - both
            yield "key 'keyless' needs identity and issuer: anybody can get a certificate; say whose counts"
        if self.key != KEYLESS and named:
            yield f"{' and '.join(named)} only counts with key: keyless; got {self.key!r}, remove it"
        if self.key == KEYLESS and self.public_key:
            yield "publicKey and key 'keyless' exclude each other; remove one of them"
