"""`docker buildx`, the one builder that Pulumi's provider drives too, and whether registries answer, asked before."""

import json
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.images.image import BuiltImageArgs
from components.images.supply_chain.push import build_cache, by_digest, candidate_of
from components.settings import BuildCache
from components.settings.references import DOCKER_HUB, split_registry

from ..console import Problem
from ..engine.docker import docker, last_line, plugin


@dataclass(frozen=True)
class Builder:
    """A builder of buildx."""

    name: str
    own: bool
    """Whether it is the engine's own: it sees the engine's images, builds for one platform, and pushes by tag only."""
    platforms: frozenset[str]
    """What it can build for."""

    @classmethod
    def find(cls, name: str) -> "Builder":
        """Ask buildx about a builder.

        Raises:
            Problem: when there is no buildx, or no such builder.
        """
        if not plugin("buildx"):
            raise Problem("docker buildx is missing: run scripts/install-docker-plugins.sh buildx")
        asked = docker("buildx", "inspect", name, check=False)
        if asked.returncode != 0:
            raise Problem(f"builder {name!r} cannot be used: {last_line(asked.stderr)}; `docker buildx ls` lists them")
        fields = [line.partition(":") for line in asked.stdout.splitlines()]
        drivers = [value.strip() for key, _, value in fields if key.strip() == "Driver"]
        listed = [value for key, _, value in fields if key.strip() == "Platforms"]
        platforms = {platform.strip().rstrip("*") for line in listed for platform in line.split(",")}
        return cls(name, drivers == ["docker"], frozenset(filter(None, platforms)))

    def check(self, platforms: Sequence[str], *, push: bool, cache: BuildCache = BuildCache.OFF) -> None:
        """Make sure that an image for `platforms` can be built and kept.

        Raises:
            Problem: with what to do about it.
        """
        if len(platforms) > 1 and not push:
            raise Problem(
                f"an image for several platforms ({', '.join(platforms)}) can only be pushed: add --push, or name one"
            )
        if len(platforms) > 1 and self.own:
            raise Problem(
                f"builder {self.name!r} builds for one platform, not for {', '.join(platforms)}: name one with -p, or"
                " make another with `docker buildx create --name slidegenie --driver docker-container` and give"
                " --builder slidegenie"
            )
        if push and self.own and cache is BuildCache.REGISTRY:
            raise Problem(
                f"cache 'registry' is more than builder {self.name!r} can: give --cache inline, or make another with"
                " `docker buildx create --name slidegenie --driver docker-container` and give --builder slidegenie"
            )
        if missing := [platform for platform in platforms if platform not in self.platforms]:
            raise Problem(
                f"{', '.join(missing)} cannot be built here: builder {self.name!r} builds"
                f" {', '.join(sorted(self.platforms))}; QEMU (Debian: qemu-user-static) or a builder on such a machine"
                " would add it"
            )

    def load(self, build: BuiltImageArgs, platforms: Sequence[str], *, no_cache: bool) -> str:
        """Build and leave the image on the engine; return its ID.

        Raises:
            Problem: when the build fails; buildx has said why.
        """
        tags = [option for tag in (build.tag, *build.further_tags) for option in ("--tag", tag)]
        self._run(build, ["--load", *tags], platforms, no_cache=no_cache)
        return docker("image", "inspect", "--format", "{{.Id}}", build.tag).stdout.strip()

    def push(
        self,
        build: BuiltImageArgs,
        repository: str,
        platforms: Sequence[str],
        *,
        no_cache: bool,
        cache: BuildCache = BuildCache.OFF,
    ) -> str:
        """Build and push without any of the names people go by; return `repository@sha256:...`.

        Raises:
            Problem: when building or pushing fails; buildx has said why.
        """
        named = ["--push", "--tag", candidate_of(repository, build)]
        cached_from, cached_to = build_cache(cache, repository, build)
        how = [
            *(named if self.own else ["--output", by_digest(repository)]),
            *(option for place in cached_from for option in ("--cache-from", place)),
            *(option for place in cached_to for option in ("--cache-to", place)),
        ]
        with tempfile.TemporaryDirectory() as folder:
            metadata = Path(folder) / "metadata.json"
            self._run(build, [*how, "--metadata-file", str(metadata)], platforms, no_cache=no_cache)
            made = json.loads(metadata.read_text(encoding="utf-8"))
        return f"{repository}@{made['containerimage.digest']}"

    def _run(self, build: BuiltImageArgs, output: list[str], platforms: Sequence[str], *, no_cache: bool) -> None:
        pairs = [f"{name}={value}" for name, value in build.build_args.items()]
        arguments = [option for pair in pairs for option in ("--build-arg", pair)]
        options = [
            *("--builder", self.name, "--file", build.dockerfile, *arguments, *output),
            # Pulumi's provider writes none either, and Syft's list is attached by Cosign: one digest, whoever builds.
            *("--provenance=false", "--sbom=false"),
            *(["--target", build.target] if build.target else []),
            *(["--platform", ",".join(platforms)] if platforms else []),
            *(["--secret", f"id=ca_bundle,src={build.ca_bundle}"] if build.ca_bundle else []),
            *(["--no-cache"] if no_cache else []),
        ]
        done = subprocess.run(["docker", "buildx", "build", *options, build.context], check=False)  # noqa: S603, S607
        if done.returncode != 0:
            raise Problem(f"{build.tag} could not be built: the builder's last lines above say why")


_HUB = "registry-1.docker.io"
_PATIENCE_SECONDS = 10


def check_registry(repository: str) -> None:
    """Make sure that the registry of `repository` answers.

    Raises:
        Problem: when it does not.
    """
    registry, _ = split_registry(repository)
    host = _HUB if registry == DOCKER_HUB else registry
    # Docker, too, speaks plain HTTP to this machine only.
    scheme = "http" if host.partition(":")[0] in ("localhost", "127.0.0.1") else "https"
    try:
        urllib.request.urlopen(f"{scheme}://{host}/v2/", timeout=_PATIENCE_SECONDS).close()  # noqa: S310 - fixed schemes
    except urllib.error.HTTPError:
        return  # it answers, if only to say who are you
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        # A certificate of its own or plain HTTP: the engine may have been told to trust it.
        if isinstance(reason, ssl.SSLError):
            return
        raise Problem(
            f"the registry {host} does not answer ({reason}); nothing was built: check -r, here {repository!r}"
        ) from None


def check_base(image: str, *, local: bool) -> None:
    """Make sure that a base image can be had; `local` ones count where the engine itself builds.

    Raises:
        Problem: when it cannot.
    """
    if local and docker("image", "inspect", image, check=False).returncode == 0:
        return
    asked = docker("buildx", "imagetools", "inspect", image, check=False)
    if asked.returncode != 0:
        raise Problem(
            f"the base image {image} cannot be had ({last_line(asked.stderr)}): set images.mirror and --stack, or build"
            " on the stand-ins with --stack airgap"
        )
