"""Docker Compose as what carries a plan out, for machines without Pulumi."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.core.engine import DockerEngine
from components.core.labels import BACKUP_PASSWORD
from components.core.program import local_socket_group
from components.settings import Require

from ..console import NotBroughtUp, Problem, info
from ..engine.docker import containers, docker, plugin
from ..engine.ownership import backup_volumes, refuse_another_owner, refuse_foreign_data, refuse_remains
from ..plan import Plan, Secret, StackProgram
from ..plan.view import PASSWORD, View, view_of
from ..runner import PreviewOptions, RunnerKind, UpOptions
from ..user_folder import UserFolder, private_folder
from .command import ComposeBuilds, ComposeCommand, alone
from .project import ComposeProject, compose_project
from .update import Update
from .vault import Vault
from .write import refuse_encrypted, remove_former, write_compose, write_secrets

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

    def up(self, options: UpOptions) -> None:
        """Bring the stack to what the plan says, and wait until every server is healthy.

        Raises:
            Problem: when Compose fails or a server does not become healthy, with the reason.
        """
        # Images are new already, and Compose protects nothing: what else may be asked changes nothing here.
        self._refuse_of_pulumi(options.plan is not None)
        info(f"rolling out stack {self._name} with Docker Compose, from the same plan")
        if not plugin("compose"):
            raise Problem(
                "neither Pulumi nor Docker Compose v2 is here: install one of them, see"
                " https://www.pulumi.com/docs/install/ or https://docs.docker.com/compose/install/"
            )
        refuse_encrypted(self._program)
        self._refuse_unable()
        label, plan = self._label, self._plan()
        refuse_another_owner(label, self.container_ids())
        refuse_foreign_data(plan, lambda _volume, password: self._vault.has(PASSWORD, password))
        self._user.remember(self._name, self.kind)
        private_folder(self._folder)
        with alone(self._folder) as held:
            self._carry_out(view_of(plan), held)

    def _carry_out(self, view: View, held: int) -> None:
        project = self._project(self._vault)
        write_compose(project, self._root, str(self._folder / _FILE))
        write_secrets(project, self._root)
        repository = next((volume for volume in view.volumes if volume.backups), None)
        if repository and not repository.driver_opts:
            # No part of the project, so that `docker compose down --volumes` leaves it; hence nobody else makes it.
            labels = [part for item in repository.labels.items() for part in ("--label", "=".join(item))]
            docker("volume", "create", *labels, repository.name)
        compose, builds = self._compose(held=held), self._builds(project)
        if due := builds.due():
            compose.run("build", *due)
            builds.done()
        Update(view, project, compose).run()
        remove_former(project)

    def preview(self, options: PreviewOptions) -> None:
        """Print what `up` would do with the settings of now. Changes nothing, and makes no secret.

        Raises:
            Problem: when it is to do what only Pulumi can.
        """
        self._refuse_of_pulumi(options != PreviewOptions())
        refuse_encrypted(self._program)
        with tempfile.TemporaryDirectory() as folder:
            vault, file = Path(folder, "vault.json"), Path(folder, _FILE)
            if self._vault.path.is_file():
                shutil.copyfile(self._vault.path, vault)
            project = self._project(Vault(vault))
            file.write_text(project.text, encoding="utf-8")
            unbuilt = {project.services[name]["image"] for name in self._builds(project).due()}
            Update(view_of(self._plan()), project, self._compose(file), unbuilt=unbuilt).show()

    def down(self) -> None:
        """Remove containers and networks; volumes and generated secrets stay."""
        compose = self._compose()
        with alone(self._folder) as held:
            replace(compose, held=(held,)).run("down", "--remove-orphans")
            refuse_remains(self._label, "container", "network")

    def destroy(self, *, with_backups: bool) -> bool:
        """Remove containers, networks, volumes and generated secrets; return whether backups stay.

        Without `with_backups`, the backup repository and the password that opens it do.

        Raises:
            NotBroughtUp: when this home has nothing of the stack.
            Problem: when not all of it is gone; nothing is forgotten then.
        """
        self._refuse_unknown()
        with alone(self._folder) as held:
            return self._destroy(held, with_backups=with_backups)

    def _destroy(self, held: int, *, with_backups: bool) -> bool:
        repositories = backup_volumes(self._label)
        kept = not with_backups and (bool(repositories) or self._vault.knows(BACKUP_PASSWORD))
        if (self._folder / _FILE).is_file():
            self._compose(held=held).run("down", "--remove-orphans", "--volumes")
        if repositories and with_backups:
            docker("volume", "rm", *repositories, check=False)
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

    def _refuse_of_pulumi(self, asked: bool) -> None:  # noqa: FBT001 - one question
        if asked:
            raise Problem(
                f"stack {self._name} runs with Docker Compose, which saves no plan, knows no policy packs and counts no"
                " changes; nothing was changed: `make policy` judges its plan"
            )

    def _refuse_unable(self) -> None:
        """Refuse what Compose cannot do: it keeps no releases, and runs images that nobody has checked."""
        if self._program.section("backend").get("rollback") is not None:
            raise Problem(
                f"backend.rollback: stack {self._name} runs with Docker Compose, which keeps no releases: take it out,"
                " check out the last good commit, `make up`"
            )
        if self._program.section("supplyChain").get("require") == Require.ENFORCE.value:
            raise Problem(
                f"stack {self._name} runs checked images only (supplyChain.require: enforce), and Docker Compose checks"
                " none: install Pulumi, see https://www.pulumi.com/docs/install/"
            )

    def _project(self, vault: Vault) -> ComposeProject:
        return compose_project(
            self._program, vault.values, secrets_dir=self._secrets, files_dir=self._folder / "files", by_content=True
        )

    def _plan(self) -> Plan:
        return self._program.plan(self._vault.peek)

    def _builds(self, project: ComposeProject) -> ComposeBuilds:
        return ComposeBuilds(project.services, self._root, self._folder / "built.json")

    def _compose(self, file: Path | None = None, *, held: int | None = None) -> ComposeCommand:
        """Return Compose for `file`, by default that of the last `up`; with each command, `held` stays open.

        Raises:
            NotBroughtUp: when there is no such file.
        """
        file = file or self._folder / _FILE
        if not file.is_file():
            raise NotBroughtUp(self._name, "Docker Compose")
        group = local_socket_group(self._program.settings.engine, DockerEngine.of(), self._program.file)
        return ComposeCommand(file, self._root, {"DOCKER_GID": group}, () if held is None else (held,))
