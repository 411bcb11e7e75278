"""Stand-in images for machines that reach package registries but no image registry."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from ..console import Problem
from ..engine.docker import image_id, plugin

STACK = "airgap"
"""The stack that runs on them."""
_REPOSITORY = "slidegenie-airgap/"
_PLUGINS = "install-docker-plugins.sh"


def install_docker_plugins(root: Path) -> None:
    """Make sure that the Docker client has buildx and Compose, in a checkout by building what is missing.

    Raises:
        Problem: when one is missing and cannot be built here.
    """
    if (root / "scripts" / _PLUGINS).is_file():
        run_script(root, _PLUGINS)
    elif missing := [name for name in ("buildx", "compose") if not plugin(name)]:
        raise Problem(
            f"the Docker client has no {' and no '.join(missing)}: on Debian or Ubuntu, see"
            " https://docs.docker.com/engine/install/ for docker-buildx-plugin and docker-compose-plugin"
        )


def build_images(root: Path, images: Iterable[str]) -> None:
    """Build those of `images` that are stand-ins and missing or out of date; seconds when none is.

    Raises:
        Problem: when one could not be built; the script has said which, and where its log is.
    """
    stand_ins = [image for image in images if image.startswith(_REPOSITORY)]
    if not (root / "scripts").is_dir() and all(map(image_id, stand_ins)):
        # They were built in a checkout, and another program uses them.
        return
    if names := [image.removeprefix(_REPOSITORY).split(":")[0] for image in stand_ins]:
        run_script(root, "build-airgap-images.sh", "--only", ",".join(names))


def run_script(root: Path, script: str, *arguments: str) -> None:
    """Run one of the project's scripts, which says itself what it does.

    Raises:
        Problem: when it fails.
    """
    path = root / "scripts" / script
    if not path.is_file():
        raise Problem(f"scripts/{script} is not in {root}: this needs a checkout of SlideGenie Platform")
    done = subprocess.run([str(path), *arguments], check=False)  # noqa: S603 - our own scripts
    if done.returncode != 0:
        raise Problem(f"scripts/{script} failed ({done.returncode}); run it again once its cause is fixed")
