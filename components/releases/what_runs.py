"""What the containers of a stack say of the release that runs, and of the database."""

from collections.abc import Iterable

from ..containers.found import FoundContainer
from ..core.engine import DockerEngine, docker
from .model import Schema

APPLICATION, MIGRATIONS = "app", "migrate"
"""Their services."""


def image_of(container: FoundContainer) -> str:
    """Return what it was made from: an image ID of the engine, or `name@sha256:...`."""
    made_from = str(container.inspected["Config"]["Image"])
    return made_from if "@" in made_from else str(container.inspected["Image"])


def running_images(found: Iterable[FoundContainer]) -> set[str]:
    """Return the images of the application's containers that run."""
    return {image_of(container) for container in found if container.service == APPLICATION and container.running}


def schema_on(engine: DockerEngine, found: Iterable[FoundContainer]) -> Schema | None:
    """Return what the migrations that ran last said, of a rollout that broke afterwards too."""
    jobs = [container for container in found if container.service == MIGRATIONS and container.succeeded]
    if not jobs:
        return None
    newest = max(jobs, key=lambda container: str(container.inspected["Created"]))
    return Schema.said(docker(engine, "logs", newest.id).stdout)
