"""Put a Compose project on disk: what is committed, and what only this machine has."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.settings import SettingsError
from components.settings.texts import ENCRYPTED

from ..plan import StackProgram
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


def with_docker_group(text: str, group: int) -> str:
    """Return the content of a `.env` with the group of the Docker socket in it, and all else as it was."""
    line = f"DOCKER_GID={group}"
    replaced, found = re.subn(r"(?m)^DOCKER_GID=.*$", line, text)
    return replaced if found else text + ("" if not text or text.endswith("\n") else "\n") + line + "\n"
