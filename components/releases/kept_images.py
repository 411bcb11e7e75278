"""Names on the engine that keep the images of releases to go back to: without a name, a cleanup would take them."""

from collections.abc import Iterable

from ..core.engine import DockerEngine, docker


def keep_images(engine: DockerEngine, label: str, images: Iterable[str]) -> None:
    """Give each of `images`, IDs on `engine`, a name that keeps it, and take the names of all others.

    `label` is the stack's: `project/stack`.
    """
    repository = f"slidegenie/kept-{label.replace('/', '-').lower()}"
    wanted = {f"{repository}:{image.removeprefix('sha256:')[:12]}": image for image in images}
    listed = docker(engine, "images", "--format", "{{.Repository}}:{{.Tag}}", f"--filter=reference={repository}:*")
    present = set(listed.stdout.split())
    for name in wanted.keys() - present:
        docker(engine, "tag", wanted[name], name)
    if gone := present - wanted.keys():
        docker(engine, "image", "rm", *sorted(gone))


def is_there(engine: DockerEngine, image: str) -> bool:
    """Tell whether `engine` has the image with this ID."""
    return docker(engine, "image", "inspect", "--format", "{{.Id}}", image).returncode == 0
