"""Build an image and push it, so that its digest is what everybody goes by from then on."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker
import pulumi_docker_build as docker_build

from ...core.program import given_provider
from ...settings import BuildCache
from ...settings.references import DOCKER_HUB
from ..image import BuiltImageArgs, trust
from .tools import RegistryLogin


@dataclass(frozen=True, kw_only=True)
class PushedImageArgs:
    """What is built, for which platforms, and where it goes."""

    build: BuiltImageArgs
    """What is built; its tags are left out, they come once the image has proven itself."""
    repository: str
    """`host/namespace/name` in the registry."""
    platforms: Sequence[str] = ()
    """Platforms of the image, as `linux/amd64`. Default: the builder's own."""
    builder: str = "default"
    """Builder of `docker buildx`. Default: the engine's own, which builds for one platform."""
    cache: BuildCache = BuildCache.OFF
    """Where layers are had from that another machine built. Default: nowhere."""
    login: RegistryLogin | None = None
    """The registry's login. Default: the user's own Docker configuration."""


class PushedImage(pulumi.ComponentResource):
    """An image that is built and pushed to a registry, by digest: a preview builds nothing and pushes nothing.

    Owns the build. What is in the registry stays when the resource goes: an earlier release may be run again. The image
    has no name there until an `Admission` gives it one.
    """

    reference: pulumi.Output[str]
    """`repository@sha256:...`"""

    def __init__(self, name: str, args: PushedImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:PushedImage", name, None, opts)
        build, own = args.build, args.builder == "default"
        candidate = candidate_of(args.repository, build)
        cached_from, cached_to = build_cache(args.cache, args.repository, build)
        image = docker_build.Image(
            name,
            tags=[candidate] if own else None,
            # Raw: the structured form has no rewrite-timestamp.
            exports=None if own else [docker_build.ExportArgs(raw=by_digest(args.repository))],
            push=own,
            context=docker_build.BuildContextArgs(location=build.context),
            dockerfile=docker_build.DockerfileArgs(location=build.dockerfile),
            target=build.target,
            build_args=dict(build.build_args),
            secrets=trust(build.ca_bundle),
            cache_from=[docker_build.CacheFromArgs(raw=place) for place in cached_from] or None,
            cache_to=[docker_build.CacheToArgs(raw=place) for place in cached_to] or None,
            platforms=[docker_build.Platform(platform) for platform in args.platforms] or None,
            registries=_registries(args.login),
            builder=docker_build.BuilderConfigArgs(name=args.builder),
            build_on_preview=False,
            # The engine's own builder is only reachable through the buildx command.
            exec_=own,
            # The provider would delete a replaced image from the registry: it is what a rollback runs.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )

        def reference(digest: str) -> str:
            # Only a preview and the plan know no digest; every check after an `up` refuses a reference without one.
            return f"{args.repository}@{digest}" if digest else released_as(args.repository, build)

        self.reference = image.digest.apply(reference)
        self.register_outputs({"reference": self.reference})


def candidate_of(repository: str, build: BuiltImageArgs) -> str:
    """Return what the engine's own builder, which can push by tag only, pushes an image as.

    Nobody runs it by that name; the real ones come after the checks. Each image has one of its own, as several may be
    pushed at a time.
    """
    return f"{repository}:candidate-{_name(build)}"


def released_as(repository: str, build: BuiltImageArgs) -> str:
    """Return the name that stays with an image once it has proven what is asked."""
    return f"{repository}:{(build.tag, *build.further_tags)[-1].rpartition(':')[2]}"


def by_digest(repository: str) -> str:
    """Return buildx's `--output` for a push without any of the names people go by.

    Every file is dated by `SOURCE_DATE_EPOCH`: with BuildKit 0.13 or newer two builds of one commit have one digest.
    """
    options = "push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true,rewrite-timestamp=true"
    return f"type=image,name={repository},{options}"


def build_cache(cache: BuildCache, repository: str, build: BuiltImageArgs) -> tuple[list[str], list[str]]:
    """Return buildx's `--cache-from` and `--cache-to`. What is not there yet to be taken from is no mistake to it."""
    name = _name(build)
    if cache is BuildCache.OFF:
        return [], []
    if cache is BuildCache.INLINE:
        return [f"type=registry,ref={repository}:{name}"], ["type=inline"]
    place = f"type=registry,ref={repository}:cache-{name}"
    return [place], [f"{place},mode=max"]


def _name(build: BuiltImageArgs) -> str:
    return build.tag.rpartition(":")[2]


@dataclass(frozen=True, kw_only=True)
class RegistryImageArgs:
    """What is pulled, and as whom."""

    image: pulumi.Input[str]
    """`repository@sha256:...`"""
    login: RegistryLogin | None = None
    """Login at the registry. Default: that of the engine's user."""


class RegistryImage(pulumi.ComponentResource):
    """An image of a registry on the engine, pulled by digest with the registry's login.

    Owns nothing in the registry, and leaves the image on the engine when it goes: a rollback may run it.
    """

    reference: pulumi.Output[str]
    """`repository@sha256:...`, known once it is on the engine; run containers from it."""

    def __init__(self, name: str, args: RegistryImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:RegistryImage", name, None, opts)
        pulled = docker.RemoteImage(
            name,
            name=args.image,
            keep_locally=True,
            opts=pulumi.ResourceOptions(parent=self, provider=_provider(name, args.login, self)),
        )
        self.reference = pulumi.Output.all(pulled.name, pulled.image_id).apply(lambda values: str(values[0]))
        self.register_outputs({"reference": self.reference})


def _provider(name: str, login: RegistryLogin | None, parent: pulumi.Resource) -> docker.Provider | None:
    """Return a provider that knows the login; the default one may well belong to other registries."""
    if login is None:
        return None
    config, given = pulumi.Config("docker"), given_provider(parent)
    return docker.Provider(
        f"{name}-registry",
        host=given.host if given else config.get("host"),
        context=given.context if given else config.get("context"),
        ssh_opts=config.get_object("sshOpts"),
        cert_path=given.cert_path if given else config.get("certPath"),
        registry_auth=[
            docker.ProviderRegistryAuthArgs(
                address=login.address, username=login.username, password=pulumi.Output.secret(login.password)
            )
        ],
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _registries(login: RegistryLogin | None) -> list[docker_build.RegistryArgs] | None:
    if login is None:
        return None
    # Of the names of Docker Hub, the provider does not know them all.
    address = DOCKER_HUB if login.of_docker_hub else login.address
    return [
        docker_build.RegistryArgs(
            address=address, username=login.username, password=pulumi.Output.secret(login.password)
        )
    ]
