"""Whether registries answer, asked before the first step of a build rather than after the last."""

import ssl
import urllib.error
import urllib.request

from components.settings.references import DOCKER_HUB, split_registry

from ..console import Problem
from ..engine.docker import docker, last_line

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
