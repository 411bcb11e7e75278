"""The platform as a Compose file, for machines with Docker and without Pulumi: the same plan, the same containers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from ..console import Problem
from ..plan import Plan, StackProgram, Values, fixed_values
from ..plan.view import View, Volume, open_secret, view_of
from .files import FileStore, compose_path
from .service import ordered, prepare_name, prepare_service, service_of
from .yaml_text import compose_yaml

FILES_DIR = Path("docker", "compose")
"""Where the files that everybody may read are, below the checkout: one folder per stack."""
SECRETS_DIR = Path(".secrets")
"""Where secret files are, below the checkout: one folder per stack, never committed."""


@dataclass(frozen=True)
class ComposeProject:
    """A Compose file and the files it mounts."""

    text: str
    """The Compose file. Holds no secret, and is the same on every machine."""
    config_files: dict[str, str]
    """Files that everybody may read, by path below the checkout."""
    secret_files: dict[str, str] = field(repr=False)
    """Files that nobody else may read, by path below the checkout."""
    secrets_dir: Path
    """Folder of the secret files."""
    content_folders: frozenset[Path] = frozenset()
    """Folders that hold one content of files each, and stand beside those of what the files were before."""

    @cached_property
    def services(self) -> dict[str, dict[str, Any]]:
        """The sections of the services, by name."""
        services: dict[str, dict[str, Any]] = yaml.safe_load(self.text)["services"]
        return services


def compose_project(
    program: StackProgram,
    values: Values = fixed_values,
    *,
    secrets_dir: Path | None = None,
    files_dir: Path | None = None,
    by_content: bool = False,
) -> ComposeProject:
    """Plan `program` and return it as a Compose project.

    Its secret files are of use only when `values` are random, such as those of a `Vault`. With `by_content`, files of
    services that roll have paths which change with what is in them.

    Raises:
        SettingsError: when the stack file has mistakes.
    """
    return render_compose(
        program.plan(values),
        program.root,
        secrets_dir=secrets_dir or SECRETS_DIR / program.stack,
        files_dir=files_dir or FILES_DIR / program.stack,
        by_content=by_content,
        ca_bundle=program.section("engine").get("caBundle"),
    )


def render_compose(
    plan: Plan,
    root: Path,
    *,
    secrets_dir: Path,
    files_dir: Path,
    by_content: bool = False,
    ca_bundle: str | None = None,
) -> ComposeProject:
    """Return `plan` as a Compose project whose paths are relative to `root`.

    `ca_bundle` is the path of what image builds trust: the plan holds its content only.

    Raises:
        Problem: when the program makes containers, networks or volumes without this library.
    """
    view = view_of(plan)
    if view.others:
        raise Problem(
            f"Docker Compose runs what is made with this library only, and stack {plan.stack} has"
            f" {', '.join(view.others)}: run it with Pulumi"
        )
    store = FileStore(view, root, root / secrets_dir, root / files_dir, by_content)
    services = _services(view, root, store, ca_bundle)
    document = {
        "name": view.project,
        "services": services,
        "networks": {
            network.zone: {"name": network.name, "driver": "bridge"}
            | ({"internal": True} if network.internal else {})
            | {"labels": dict(sorted(network.labels.items()))}
            for network in view.networks
        },
        "volumes": {volume.key: _volume(volume) for volume in view.volumes if volume.data},
        "configs": dict(sorted(store.configs.items())),
        "secrets": dict(sorted(store.secrets.items())),
    }
    return ComposeProject(
        text=_header(plan.stack) + compose_yaml({key: value for key, value in document.items() if value}),
        config_files=dict(sorted(store.config_files.items())),
        secret_files=dict(sorted(store.secret_files.items())),
        secrets_dir=root / secrets_dir,
        content_folders=frozenset(store.content_folders),
    )


def _volume(volume: Volume) -> dict[str, Any]:
    if volume.backups and not volume.driver_opts:
        # `docker compose down --volumes` must not take the backups along. A folder of the host stays anyway.
        return {"name": volume.name, "external": True}
    return (
        {"name": volume.name}
        | ({"driver_opts": dict(sorted(volume.driver_opts.items()))} if volume.driver_opts else {})
        | {"labels": dict(sorted(volume.labels.items()))}
    )


def _services(view: View, root: Path, store: FileStore, ca_bundle: str | None) -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = {}
    for service in view.services:
        fields, files = service_of(service, view, root), store.mount(service)
        fields["labels"] = dict(sorted((fields["labels"] | files.pop("labels", {})).items()))
        services[service.name] = fields | files | _image(service.inputs["image"], view, root, store, ca_bundle)
    for volume in view.volumes:
        if volume.data and volume.seed:
            image = _image(volume.seed.inputs["image"], view, root, store, ca_bundle)
            services[prepare_name(volume)] = prepare_service(volume) | image
    return {name: ordered(services[name]) for name in sorted(services)}


def _image(image: str, view: View, root: Path, store: FileStore, ca_bundle: str | None) -> dict[str, Any]:
    """Each service says how its image is built, so that any of them can be started alone."""
    build = view.build(image)
    if build is None:
        return {"image": image, "pull_policy": "missing"}
    context = root / build["context"]["location"]
    described = {
        "context": compose_path(context, root),
        # Yours may lie outside of what is sent to the builder.
        "dockerfile": os.path.relpath(root / build["dockerfile"]["location"], context),
        "target": build.get("target"),
        "tags": [tag for tag in build["tags"] if tag != image],
        "args": dict(sorted((build.get("buildArgs") or {}).items())),
        "labels": dict(sorted((build.get("labels") or {}).items())),
        "secrets": _build_secrets(build, store, ca_bundle),
    }
    return {
        "image": image,
        # The tag stays while the source moves on: without a build, an `up` would run what was built once.
        "pull_policy": "build",
        "build": {key: value for key, value in described.items() if value},
    }


def _build_secrets(build: Mapping[str, Any], store: FileStore, ca_bundle: str | None) -> list[str]:
    names = list(open_secret(build.get("secrets")) or {})
    if names and (names != ["ca_bundle"] or ca_bundle is None):
        raise ValueError(f"image {build['tags'][0]} is built with the secrets {names}; only ca_bundle has a known path")
    return [store.trust(ca_bundle)] if names and ca_bundle else []


def _header(stack: str) -> str:
    return (
        f"# Generated by `make generate` from Pulumi.{stack}.yaml; do not edit.\n"
        f"# Run `make secrets STACK={stack}` once before the first start: it writes the secret files and .env.\n"
    )
