"""Names of images and of where they are, as settings."""

from typing import Annotated

from pydantic import AfterValidator

from ..refusal import refused
from .references import IMAGE_ID, parse, path_problem, registry_problem

_BY_TAG = "name:tag with an optional digest, like docker.io/library/redis:8.2.1"
_RUNNABLE = "name:tag or name@sha256:..., like ghcr.io/acme/slides:1.4.2"


def _image(value: str) -> str:
    return _named(value, _BY_TAG, without_tag=False)


def _runnable(value: str) -> str:
    return value if IMAGE_ID.fullmatch(value) else _named(value, _RUNNABLE, without_tag=True)


def _named(value: str, wanted: str, *, without_tag: bool) -> str:
    try:
        name = parse(value)
    except ValueError as error:
        raise refused(wanted, value, str(error)) from None
    if name.tag is None and not (without_tag and name.digest):
        raise refused(wanted, value, "it has no tag, which would mean latest")
    return value


def _registry(value: str) -> str:
    if problem := registry_problem(value):
        raise refused("a registry as host[:port], like ghcr.io", value, problem)
    return value


def _registry_path(value: str) -> str:
    host, slash, path = value.partition("/")
    problem = registry_problem(host) or (path_problem(path) if slash else None)
    if problem:
        raise refused("a registry as host[:port][/path], like registry.example.com/mirror", value, problem)
    return value


def _namespace(value: str) -> str:
    if problem := path_problem(value):
        raise refused("a path in the registry, like acme/slides", value, problem)
    return value


ImageReference = Annotated[str, AfterValidator(_image)]
"""`name:tag`, with an optional `@sha256:...`. A reference without a tag would mean `latest`: refused."""
RunnableImage = Annotated[str, AfterValidator(_runnable)]
"""The same, and `name@sha256:...` or an image's ID on the engine, `sha256:...`: what a rollback names."""
RegistryHost = Annotated[str, AfterValidator(_registry)]
"""`host[:port]`."""
RegistryPath = Annotated[str, AfterValidator(_registry_path)]
"""`host[:port][/path]`."""
Namespace = Annotated[str, AfterValidator(_namespace)]
"""A path in a registry, without its host."""
