"""Images on the engine: third-party ones, pulled before anything is replaced, and ones built from a Dockerfile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_docker as docker
import pulumi_docker_build as docker_build

from ..core.labels import IMAGE_LABEL, STACK_LABEL, compose_project, formerly_below, stack_labels
from ..settings import ImagesSettings, SettingsError
from ..settings.references import repository_of, split_registry
from ..settings.texts import pem_problem


def mirrored(reference: str, images: ImagesSettings) -> str:
    """Return `reference` as the configured mirror serves it; one of the mirror's own stays as it is."""
    if images.mirror is None or reference.startswith(f"{images.mirror}/"):
        return reference
    # In full: a mirror has no folder that it takes for granted.
    return f"{images.mirror}/{split_registry(reference)[1]}"


def without_tag(reference: str) -> str:
    """Return `name:tag@sha256:...` as `name@sha256:...`: beside a digest a tag says nothing, and may be wrong."""
    return f"{repository_of(reference)}@{reference.partition('@')[2]}"


@dataclass(frozen=True, kw_only=True)
class PulledImageArgs:
    """What is pulled."""

    reference: str
    """The image's name, with a tag or a digest."""
    images: ImagesSettings = ImagesSettings()
    """The mirror that it comes from. Default: its own registry."""


class PulledImage(docker.RemoteImage):
    """A third-party image, pulled once and run by its ID, so that a moved tag changes nothing by itself.

    Owns nothing on the engine: the image stays when the resource goes, as another stack may run it.
    """

    id_on_engine: pulumi.Output[str]
    """The image's ID; run containers from it."""

    def __init__(self, name: str, args: PulledImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            name,
            name=mirrored(args.reference, args.images),
            keep_locally=True,
            opts=formerly_below("slidegenie:index:PulledImage", name, opts),
        )
        self.id_on_engine = self.image_id


@dataclass(frozen=True, kw_only=True)
class BuiltImageArgs:
    """What is built, and under which name."""

    tag: str
    """`name:tag` the image is known by on the engine."""
    further_tags: Sequence[str] = ()
    """More of them, for people; nothing runs by them."""
    context: str
    """Folder sent to the builder."""
    dockerfile: str
    """Path of the Dockerfile."""
    target: str | None = None
    """Stage to build. Default: the last one."""
    build_args: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Build arguments; they stay readable in the image, so never a secret."""
    builder: str = "default"
    """Builder of `docker buildx`; the engine's own has the name of the Docker context."""
    ca_bundle: str | None = None
    """PEM file of authorities that the build trusts besides those of the base image, as a path on this machine; it
    leaves no trace in the image. Default: none."""


class BuiltImage(pulumi.ComponentResource):
    """An image built by the engine's own builder and run by its ID. Owns the build; earlier images stay on the engine.

    The engine's own builder needs no image of its own, sees local base images, and leaves the result where it runs.
    """

    id_on_engine: pulumi.Output[str]
    """The image's ID; run containers from it."""

    def __init__(self, name: str, args: BuiltImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:BuiltImage", name, None, opts)
        # A tag of the stack's own: another stack on this engine may build something else under the name for people.
        own_tag = f"{args.tag}-{compose_project()}"
        build = docker_build.Image(
            name,
            tags=[args.tag, *args.further_tags, own_tag],
            context=docker_build.BuildContextArgs(location=args.context),
            dockerfile=docker_build.DockerfileArgs(location=args.dockerfile),
            target=args.target,
            build_args=dict(args.build_args),
            # By it a cleanup knows what it may remove once nothing runs it.
            labels={IMAGE_LABEL: stack_labels()[STACK_LABEL]},
            secrets=trust(args.ca_bundle),
            push=False,
            load=True,
            builder=docker_build.BuilderConfigArgs(name=args.builder),
            # The engine's own builder is only reachable through the buildx command.
            exec_=True,
            # A replaced image must stay: it is what a rollback runs.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        # The tag does not change when the content does; the digest does, and makes the engine's ID be read again.
        loaded = docker.RemoteImage(
            name,
            name=own_tag,
            triggers={"digest": build.digest},
            keep_locally=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[build]),
        )
        self.id_on_engine = loaded.image_id
        self.register_outputs({"idOnEngine": self.id_on_engine})


_MOST_TRUST = 120_000
"""Bytes; the builder hands secrets over in one environment variable, which the kernel limits to 128 KiB."""


def trust(bundle: str | None) -> dict[str, str] | None:
    """Return the build secret with the authorities in `bundle`, or `None` without it.

    Raises:
        SettingsError: when it cannot be read, or is too large for the builder.
    """
    if bundle is None:
        return None
    try:
        content = Path(bundle).read_text(encoding="utf-8")
    except OSError as error:
        raise _refused(f"cannot be read ({error.strerror}); got {bundle!r}, give the path of a PEM file here") from None
    except UnicodeDecodeError:
        raise _refused(
            f"must be PEM, which is text; {bundle!r} is not: `openssl x509 -inform der -in {bundle}` writes it as PEM"
        ) from None
    if len(content.encode()) > _MOST_TRUST:
        raise _refused(
            f"must be at most {_MOST_TRUST} bytes; {bundle!r} has {len(content.encode())}:"
            " leave the public authorities out, builds trust those anyway"
        )
    if pem_problem(content):
        raise _refused(
            f"must be certificates in PEM; {bundle!r} is none: name the file that has them, from"
            " -----BEGIN CERTIFICATE----- on"
        )
    return {"ca_bundle": content}


def _refused(rule: str) -> SettingsError:
    return SettingsError(f"Pulumi.{pulumi.get_stack()}.yaml", [f"engine.caBundle: {rule}"])
