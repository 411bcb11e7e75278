"""Put a Compose project on disk: what is committed, and what only this machine has."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.core.labels import ENGINE_SOCKET
from components.settings import SettingsError
from components.settings.values.texts import ENCRYPTED

from ..plan import StackProgram
from ..plan.record import Plan
from ..plan.view import Service, View, view_of
from ..user_folder import private_folder, write_private
from .project import SECRETS_DIR, ComposeProject, compose_project
from .vault import Vault


def write_compose(project: ComposeProject, root: Path, name: str) -> None:
    """Write the Compose file as `name` below `root`, and the files everybody may read."""
    for path, text in ({name: project.text} | project.config_files).items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        # Never in place: Traefik watches its routes, and would lose those of a file that is empty for a moment.
        write_private(file, text, mode=0o644)


def write_secrets(project: ComposeProject, root: Path) -> None:
    """Write the secret files: readable for the containers that mount them, in a folder only its owner enters."""
    private_folder(project.secrets_dir)
    for path, text in project.secret_files.items():
        file = root / path
        # Open once inside, so that a container may mount the folder as a whole.
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_private(file, text, mode=0o444)


def remove_former(project: ComposeProject) -> None:
    """Remove the files of former releases, which nothing mounts any more."""
    for folder in project.content_folders:
        for former in folder.parent.iterdir():
            if former in project.content_folders:
                continue
            if former.is_dir():
                shutil.rmtree(former)
            else:
                former.unlink()


def prepare_machine(program: StackProgram, docker_group: int) -> None:
    """Write all that the committed Compose file of a stack needs on this machine; run again, it changes nothing.

    Raises:
        SettingsError: when the stack file has mistakes, or secrets that only Pulumi can read.
    """
    vault = Vault(program.root / SECRETS_DIR / program.stack / "vault.json")
    refuse_encrypted(program)
    write_secrets(compose_project(program, vault.values), program.root)
    environment = program.root / ".env"
    known = environment.read_text(encoding="utf-8") if environment.is_file() else ""
    write_private(environment, with_docker_group(known, docker_group), mode=0o600)


def refuse_encrypted(program: StackProgram) -> None:
    """Refuse settings that hold secrets encrypted by Pulumi: a plan cannot read them, and a mask is no password.

    Raises:
        SettingsError: with a line for each of them.
    """
    if paths := sorted(_encrypted(program.configuration, "")):
        raise SettingsError(
            program.file,
            [
                f"{path}: is encrypted by Pulumi, which Docker Compose cannot read; run this stack with Pulumi"
                " (`make up`), or remove the key where the secret can be generated"
                for path in paths
            ],
        )


def _encrypted(value: Any, path: str) -> Iterator[str]:
    if value == ENCRYPTED:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _encrypted(item, f"{path}.{key}" if path else key.rpartition(":")[2])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _encrypted(item, f"{path}.{index}")


COMMENTS = {
    "DATABASE_HOST": "PostgreSQL: name or address.",
    "DATABASE_NAME": "Database; must exist.",
    "DATABASE_PASSWORD_FILE": "File with the password of DATABASE_USER.",
    "DATABASE_PORT": "TCP port of PostgreSQL.",
    "DATABASE_SSLMODE": "TLS towards PostgreSQL: disable, prefer, require, verify-ca or verify-full.",
    "DATABASE_SSLROOTCERT": "PEM certificates that PostgreSQL's is trusted by; the public authorities without it.",
    "DATABASE_USER": "Role that logs in; must exist. The platform makes this one; for your own database, name yours.",
    "DRAIN_SECONDS": "After SIGTERM: how long requests are still served while health checks already fail.",
    "FORWARDED_ALLOW_IPS": "Proxies whose X-Forwarded headers are believed: addresses or networks, by commas.",
    "PORT": "TCP port the application listens on.",
    "REDIS_HOST": "Redis: name or address.",
    "REDIS_PASSWORD_FILE": "File with the password of REDIS_USER.",
    "REDIS_PORT": "TCP port of Redis.",
    "REDIS_USER": "Redis user.",
    "RELEASE": "Version shown in logs and metrics.",
    "S3_ACCESS_KEY_FILE": "File with the S3 access key.",
    "S3_BUCKET": "Bucket; made when it is missing.",
    "S3_ENDPOINT": "Object storage: URL without a path.",
    "S3_REGION": "Region that requests to it are signed for.",
    "S3_SECRET_KEY_FILE": "File with the S3 secret key.",
    "SHUTDOWN_SECONDS": "After the drain: how long requests under way may take to finish.",
    "WEB_WORKERS": "Worker processes.",
}
"""What the reference backend makes of each variable that the platform sets."""

DOCKER_GID = "DOCKER_GID"
_APPLICATION = "app"


def render_env(plan: Plan) -> str:
    """Return the environment of the application as an env file, every variable with a comment.

    Raises:
        ValueError: when a value has more than one line, which an env file cannot say.
    """
    view = view_of(plan)
    service = next(service for service in view.services if service.name == _APPLICATION)
    variables = dict(variable.split("=", 1) for variable in service.inputs["envs"])
    files = {name: value for name, value in variables.items() if name.endswith("_FILE")}
    plain = {name: value for name, value in variables.items() if name not in files}
    return (
        _header(plan, service, view)
        + "".join(_entry(name, value, plan.stack) for name, value in sorted(plain.items()))
        + "\n# ---- secrets: files, never values ---------------------------------------------\n"
        + "".join(_entry(name, value, plan.stack) for name, value in sorted(files.items()))
        + "\n# ---- Docker Compose only ------------------------------------------------------\n"
        + f"\n# Group of the Docker socket: stat -c %g {_socket(view)}\n{DOCKER_GID}=\n"
    )


def _socket(view: View) -> str:
    """Return the engine's socket on the host, as the one container that has it mounts it."""
    binds = [mount for service in view.services for mount in service.mounts("bind")]
    return next((str(mount["source"]) for mount in binds if mount["target"] == ENGINE_SOCKET), ENGINE_SOCKET)


def with_docker_group(text: str, group: int) -> str:
    """Return the content of a `.env` with the group of the Docker socket in it, and all else as it was."""
    line = f"{DOCKER_GID}={group}"
    replaced, found = re.subn(rf"(?m)^{DOCKER_GID}=.*$", line, text)
    return replaced if found else text + ("" if not text or text.endswith("\n") else "\n") + line + "\n"


def _entry(name: str, value: str, stack: str) -> str:
    if "\n" in value:
        raise ValueError(f"{name} has more than one line, which an env file cannot say; mount it as a file instead")
    comment = COMMENTS.get(name, f"Given under backend.environment in Pulumi.{stack}.yaml.")
    return f"\n# {comment}\n{name}={value}\n"


def _named_for_people(image: str, view: View) -> str:
    build = view.build(image)
    return str(build["tags"][0]) if build else image


def _header(plan: Plan, service: Service, view: View) -> str:
    mounted = {view.volume(mount["source"]).key: mount["target"] for mount in service.mounts("volume")}
    mounts = [
        f'-v "$PWD/{SECRETS_DIR / plan.stack / key}:{path}:ro"'
        for key, path in mounted.items()
        if any(volume.key == key and volume.files for volume in view.volumes)
    ]
    tmpfs = [f"--tmpfs {path}:{options}" for path, options in sorted(service.inputs["tmpfs"].items())]
    flags = [
        "--env-file .env.production -p 127.0.0.1:8000:8000",
        *mounts,
        "--read-only --cap-drop ALL --security-opt no-new-privileges:true",
        *tmpfs,
        _named_for_people(str(service.inputs["image"]), view),
    ]
    return (
        f"# The application's environment in stack {plan.stack}, as a template: copy it and change the copy.\n"
        f"# Generated by `make generate` from Pulumi.{plan.stack}.yaml; do not edit.\n"
        "#\n"
        "# One container by hand, with data stores of your own:\n"
        f"# 1. `make secrets STACK={plan.stack}` writes the secret files below {SECRETS_DIR / plan.stack}.\n"
        "#    Replace their content by what your data stores take, and the hosts, users and\n"
        "#    the bucket below by theirs: a container by hand makes none of these users.\n"
        "# 2. Have the image: `scripts/build-images.sh --all` builds each of the variants.\n"
        "# 3. Migrate the database: the command of 4 with `python -m app migrate` behind the image.\n"
        "# 4. Run it:\n"
        "#   docker run " + " \\\n#     ".join(flags) + "\n"
    )
