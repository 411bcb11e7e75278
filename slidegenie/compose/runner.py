"""Docker Compose as what carries a plan out, for machines without Pulumi."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.core.engine import DockerEngine
from components.core.labels import BACKUP_PASSWORD, BACKUPS_DATA, DATA_LABEL, STACK_LABEL
from components.core.socket_group import local_socket_group
from components.settings import Require

from ..console import NotBroughtUp, Problem, echo, info
from ..engine import failures as diagnosis
from ..engine.docker import containers, docker, plugin
from ..engine.ownership import refuse_another_owner, refuse_foreign_data
from ..engine.remains import refuse_remains
from ..plan import Plan, Secret, StackProgram
from ..plan.view import CONTAINER, PASSWORD, Volume, view_of
from ..runner import RunnerKind, UpOptions
from ..user_folder import UserFolder
from .builds import ComposeBuilds
from .project import ComposeProject, compose_project
from .vault import Vault
from .write import refuse_encrypted, write_compose, write_secrets

_FILE = "docker-compose.yml"
_MADE_FROM = "com.docker.compose.project.config_files"
"""Label of Compose that tells which file a container was made from."""


class ComposeRunner:
    """Carries out one stack; its generated secrets and its Compose file are in the user's folder."""

    kind = RunnerKind.COMPOSE

    def __init__(self, program: StackProgram, user: UserFolder) -> None:
        self._program, self._user = program, user
        self._root, self._name, self._label = program.root, program.stack, program.label
        self._folder = user.stacks / "compose" / program.stack
        self._secrets = self._folder / "secrets"
        self._vault = Vault(self._secrets / "vault.json")

    def up(self, options: UpOptions) -> None:  # noqa: ARG002 - images are new already, and Compose protects nothing
        """Bring the stack to what the plan says, and wait until every server is healthy.

        Raises:
            Problem: when Compose fails or a server does not become healthy, with the reason.
        """
        info(f"rolling out stack {self._name} with Docker Compose, from the same plan; its rollouts pause requests")
        if not plugin("compose"):
            raise Problem(
                "neither Pulumi nor Docker Compose v2 is here: install one of them, see"
                " https://www.pulumi.com/docs/install/ or https://docs.docker.com/compose/install/"
            )
        refuse_encrypted(self._program)
        self._refuse_unchecked()
        label, plan = self._label, self._plan()
        refuse_another_owner(label, self.container_ids())
        refuse_foreign_data(plan, self._opens)
        self._user.remember(self._name, self.kind)
        project = self._project(self._vault)
        write_compose(project, self._root, str(self._folder / _FILE))
        write_secrets(project, self._root)
        if (repository := self._planned_repository()) and not repository.driver_opts:
            # No part of the project, so that `docker compose down --volumes` leaves it; hence nobody else makes it.
            labels = [part for item in repository.labels.items() for part in ("--label", "=".join(item))]
            docker("volume", "create", *labels, repository.name)
        builds = ComposeBuilds(project.text, self._root, self._folder / "built.json")
        try:
            if due := builds.due():
                self._compose("build", *due)
                builds.done()
            self._compose("up", "--detach", "--remove-orphans", "--no-build")
        except Problem:
            diagnosis.report(label, jobs=True)
            raise
        self._wait(label, max(_start_seconds(plan), default=0))

    def preview(self) -> None:
        """Print what `up` would do with the settings of now. Changes nothing, and makes no secret."""
        refuse_encrypted(self._program)
        with tempfile.TemporaryDirectory() as folder:
            vault, file = Path(folder, "vault.json"), Path(folder, _FILE)
            if self._vault.path.is_file():
                shutil.copyfile(self._vault.path, vault)
            file.write_text(self._project(Vault(vault)).text, encoding="utf-8")
            self._compose("up", "--detach", "--remove-orphans", "--dry-run", file=file)

    def down(self) -> None:
        """Remove containers and networks; volumes and generated secrets stay."""
        self._compose("down", "--remove-orphans")
        refuse_remains(self._label, "container", "network")

    def destroy(self, *, with_backups: bool) -> bool:
        """Remove containers, networks, volumes and generated secrets; return whether backups stay.

        Without `with_backups`, the backup repository and the password that opens it do.

        Raises:
            NotBroughtUp: when this home has nothing of the stack.
            Problem: when not all of it is gone; nothing is forgotten then.
        """
        self._refuse_unknown()
        repository = self._repository()
        kept = not with_backups and (repository is not None or self._vault.knows(BACKUP_PASSWORD))
        if (self._folder / _FILE).is_file():
            self._compose("down", "--remove-orphans", "--volumes")
        if repository and with_backups:
            docker("volume", "rm", repository, check=False)
        refuse_remains(self._label, "container", "network", "volume", backups=with_backups)
        if not with_backups and self._vault.knows(BACKUP_PASSWORD):
            self._vault.keep_only(BACKUP_PASSWORD)
            (self._folder / _FILE).unlink(missing_ok=True)
            return kept
        shutil.rmtree(self._folder)
        return kept

    def container_ids(self) -> set[str]:
        """Return the IDs of all containers that were made from the stack's Compose file."""
        made = containers(self._label, f"{_MADE_FROM}={self._folder / _FILE}", everything=True)
        return {container["Id"] for container in made}

    def _planned_repository(self) -> Volume | None:
        return next((volume for volume in view_of(self._plan()).volumes if volume.backups), None)

    def _repository(self) -> str | None:
        """Return the name of the volume with backups that the engine has."""
        marks = (f"label={STACK_LABEL}={self._label}", f"label={DATA_LABEL}={BACKUPS_DATA}")
        names = docker("volume", "ls", "--quiet", *(part for mark in marks for part in ("--filter", mark))).stdout
        return next(iter(names.split()), None)

    def passwords(self) -> Iterator[tuple[str, str]]:
        """Yield name and value of each generated password.

        Raises:
            NotBroughtUp: when this home has none.
        """
        self._refuse_unknown()
        for resource in self._plan().of_type(PASSWORD):
            if self._vault.has(PASSWORD, resource.name):
                result = resource.outputs["result"]
                yield resource.name, str(result.value if isinstance(result, Secret) else result)

    def outputs(self) -> dict[str, Any]:
        """Return what the program exports.

        Raises:
            NotBroughtUp: when it never ran.
        """
        self._refuse_unknown()
        return self._plan().outputs

    def _refuse_unknown(self) -> None:
        """Refuse to look for what was never made: to the plan it would only be missing, and easily made up."""
        if not self._vault.path.is_file():
            raise NotBroughtUp(self._name, "Docker Compose")

    def _opens(self, _volume: str, password: str) -> bool:
        return self._vault.has(PASSWORD, password)

    def _refuse_unchecked(self) -> None:
        """Refuse a stack whose images must be checked: Compose runs what it is told."""
        if self._program.section("supplyChain").get("require") == Require.ENFORCE.value:
            raise Problem(
                f"stack {self._name} runs checked images only (supplyChain.require: enforce), and Docker Compose checks"
                " none: install Pulumi, see https://www.pulumi.com/docs/install/"
            )

    def _project(self, vault: Vault) -> ComposeProject:
        return compose_project(self._program, vault.values, secrets_dir=self._secrets, files_dir=self._folder / "files")

    def _plan(self) -> Plan:
        return self._program.plan(self._vault.peek)

    def _compose(self, *args: str, file: Path | None = None) -> None:
        file = file or self._folder / _FILE
        if not file.is_file():
            raise NotBroughtUp(self._name, "Docker Compose")
        command = ["docker", "compose", "--ansi", "never", "--progress", "plain"]
        place = ["--file", str(file), "--project-directory", str(self._root)]
        done = subprocess.Popen(  # noqa: S603 - no shell
            [*command, *place, *args],
            env=os.environ | {"DOCKER_GID": self._socket_group()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = []
        for line in done.stdout or ():
            said.append(line.rstrip())
            if _worth_telling(line):
                echo(f"    {line.strip()}")
        if done.wait() != 0:
            raise Problem("docker compose failed:\n" + "\n".join(f"  {line}" for line in said[-15:]))

    def _socket_group(self) -> str:
        return local_socket_group(self._program.settings.engine, DockerEngine.of(), self._program.file)

    def _wait(self, label: str, seconds: int) -> None:
        deadline = time.monotonic() + seconds
        while sick := diagnosis.unhealthy(label):
            if time.monotonic() > deadline:
                diagnosis.report(label)
                raise Problem(f"{len(sick)} containers did not become healthy within {seconds} s")
            time.sleep(1)


def _start_seconds(plan: Plan) -> Iterator[int]:
    for container in plan.of_type(CONTAINER):
        yield int(container.inputs.get("waitTimeout") or 0)


def _worth_telling(line: str) -> bool:
    """Leave out what Compose repeats: one line when something was made, started, healthy or removed is enough."""
    return any(word in line for word in ("Created", "Healthy", "Exited", "Removed", "Built", "rror"))
