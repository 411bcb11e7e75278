"""Stand-in images for machines that reach package registries but no image registry."""

import subprocess
from pathlib import Path

from .console import Problem

STACK = "airgap"
"""The stack that runs on them."""


def build_images(root: Path) -> None:
    """Build what is missing; seconds when nothing is.

    Raises:
        Problem: when an image could not be built; the script has said which, and where its log is.
    """
    for script in ("install-docker-plugins.sh", "build-airgap-images.sh"):
        done = subprocess.run([str(root / "scripts" / script)], check=False)  # noqa: S603 - our own script
        if done.returncode != 0:
            raise Problem(
                f"scripts/{script} failed (exit code {done.returncode}); run it again once its cause is mended"
            )
