"""A stack run by Pulumi: its files, its secrets, and the operations on it."""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi import automation as auto

from components.settings.load import StackFile
from components.settings.yaml_file import write_yaml

from ..console import NotBroughtUp, Problem, info, interrupted_after
from ..engine.docker import docker, last_line
from ..engine.ownership import backup_volumes, refuse_remains
from ..engine.start import runs
from ..plan import StackProgram
from ..runner import PreviewOptions
from ..user_folder import UserFolder
from .progress import Progress
from .state import StackState
from .steps import PreviewedSteps

_LAST = 50
"""So many of the last operations are looked through for the last update."""
_OPENS_SECRETS = {"encryptedkey", "encryptionsalt"}
"""Keys of a stack file with what opens its secrets, together with a passphrase or a cloud's key service."""
_PROVIDER = "secretsprovider"
"""Key that says which of them it is."""
_PULUMI_STOPS = "Pulumi finishes the step under way; Ctrl-C again stops it at once"


class PulumiStack:
    """One stack of a program.

    State and passphrase are in the home folder unless `PULUMI_BACKEND_URL` and `PULUMI_CONFIG_PASSPHRASE[_FILE]` say
    otherwise. So is a copy of the stack's settings with the salt that Pulumi adds to them: the checkout stays clean.
    """

    def __init__(self, program: StackProgram, user: UserFolder, command: auto.PulumiCommand) -> None:
        self.program, self.name, self.label = program, program.stack, program.label
        self._root, self._project, self._user, self._command = program.root, program.project, user, command
        self._env = self._environment()
        self._folder = user.folder("stacks", self.name)
        self._settings = self._folder / program.file

    def open(self, *, make: bool = False, rollback: int | None = None, unchecked: bool = False) -> None:
        """Bring the settings of the stack up to date; when it does not exist, `make` it.

        `rollback` is the number of the release that runs in place of what they say, `unchecked` by the database.

        Raises:
            Problem: when there is no such stack, or the passphrase does not fit it.
        """
        self._unlock_if_abandoned()
        described = write_yaml({"name": self._project, "runtime": "python"})
        (self._folder / "Pulumi.yaml").write_text(described, encoding="utf-8")
        known = self._pulumi("stack", "ls", "--json", cwd=self._folder)
        if f'"{self.name}"' not in known:
            if not make:
                # In a new, empty one nothing differs and nothing is left to remove.
                raise NotBroughtUp(self.name, "Pulumi")
            info(f"making stack {self.name}")
            self._settings.unlink(missing_ok=True)
            provider = StackFile.read(self._root / self.program.file, self._project).document.get(_PROVIDER)
            self._pulumi("stack", "init", self.name, "--secrets-provider", provider or "passphrase", cwd=self._folder)
        self._refresh_settings({"rollback": rollback, "rollbackUnchecked": unchecked} if rollback else {})

    def up(self, replace: list[str], plan: Path | None = None) -> int:
        """Bring the stack to what the program says; resources in `replace` are made anew whether they changed or not.

        With a `plan` that a preview saved, nothing is done that is not in it.

        Raises:
            UpdateFailed: when a resource could not be made, or the plan has no room for what there is to do.
        """
        return self._watched(self._stack().up, replace=replace or None, plan=str(plan) if plan else None)

    def preview(self, options: PreviewOptions) -> tuple[PreviewedSteps, str]:
        """Return what `up` would change, and how Pulumi prints it.

        Raises:
            UpdateFailed: when that cannot be shown, breaks a policy or is more than was expected; with all it printed.
        """
        steps = PreviewedSteps()
        try:
            done = self._stack().preview(
                diff=True,
                expect_no_changes=options.expect_no_changes,
                policy_packs=[str(options.policy_pack)] if options.policy_pack else None,
                plan=str(options.save_plan) if options.save_plan else None,
                on_event=steps,
                color="never",
                config_file=str(self._settings),
            )
        except auto.CommandError as error:
            # Which policy it breaks, and what was not expected, is all over it.
            raise UpdateFailed(_known_causes(str(error)) or str(error).strip().splitlines()) from None
        return steps, done.stdout

    def drift(self, *, expect_none: bool = False) -> str:
        """Return what was changed outside of Pulumi, as it prints it. Only looks: the state stays as it is.

        Raises:
            UpdateFailed: when that cannot be shown, or there is any though none is expected; with all it printed.
        """
        flags = ["--expect-no-changes"] if expect_none else []
        return self._pulumi("refresh", "--preview-only", "--diff", *flags, "--config-file", str(self._settings))

    def refresh(self, only: Sequence[str] = ()) -> str:
        """Take what is really there over into the state: of everything, or of the resources whose URNs are given."""
        targets = [part for urn in only for part in ("--target", urn)]
        with interrupted_after(_PULUMI_STOPS):
            return self._pulumi("refresh", "--yes", "--skip-preview", *targets, "--config-file", str(self._settings))

    def down(self) -> int:
        """Remove all that is not protected: containers and networks go, data and generated secrets stay.

        Raises:
            UpdateFailed: when something could not be removed.
            Problem: when the engine still has some of it.
        """
        changes = self._watched(self._stack().destroy, exclude_protected=True)
        refuse_remains(self.label, "container", "network")
        return changes

    def destroy(self, *, with_backups: bool) -> int:
        """Remove everything, data and secrets too, and the stack itself.

        Without `with_backups`, the backup repository and the password that opens it stay, and the stack knows them.
        """
        state = self.state()
        kept = [] if with_backups else state.backups()
        for urn in state.protected():
            if urn not in kept:
                self.unprotect(urn)
        changes = self._watched(self._stack().destroy, exclude_protected=True)
        if kept:
            refuse_remains(self.label, "container", "network", "volume")
            return changes
        # They outlive their resources, those that moved too.
        for name in backup_volumes(self.label):
            docker("volume", "rm", name, check=False)
        refuse_remains(self.label, "container", "network", "volume", backups=True)
        self._pulumi("stack", "rm", self.name, "--yes", "--preserve-config", cwd=self._folder)
        return changes

    def unprotect(self, urn: str) -> None:
        """Let a resource be replaced; the next `up` protects it again."""
        self._pulumi("state", "unprotect", urn, "--yes")

    def state(self, *, secrets: bool = False) -> StackState:
        """Return the state; with `secrets`, its secrets are readable."""
        if not secrets:
            return StackState.of(self._stack().export_stack().deployment)
        return self._exported("--show-secrets")

    def _exported(self, *flags: str, cwd: Path | None = None) -> StackState:
        return StackState.of(json.loads(self._pulumi("stack", "export", *flags, cwd=cwd)).get("deployment"))

    def outputs(self) -> dict[str, Any]:
        """Return what the program exported; secrets are masked."""
        outputs: dict[str, Any] = json.loads(self._pulumi("stack", "output", "--json"))
        return outputs

    def _stack(self) -> auto.Stack:
        workspace = auto.LocalWorkspaceOptions(pulumi_command=self._command, env_vars=self._env)
        return auto.select_stack(stack_name=self.name, work_dir=str(self._root), opts=workspace)

    def last_update_succeeded(self) -> bool:
        """Tell how the last update ended; one that was killed is in no history."""
        said = self._pulumi("stack", "history", "--json", "--page-size", str(_LAST), "--page", "1")
        ended = [update["result"] for update in json.loads(said) if update["kind"] == "update"]
        return not ended or ended[0] == "succeeded"

    def _refresh_settings(self, going_back: Mapping[str, Any]) -> None:
        committed = StackFile.read(self._root / self.program.file, self._project)
        settings = committed.document | {"config": committed.configuration}
        if going_back:
            section = f"{self._project}:backend"
            settings["config"] |= {section: {**(committed.configuration.get(section) or {}), **going_back}}
        if not _OPENS_SECRETS & settings.keys():
            settings = {**settings, **self._decryption()}
        self._settings.write_text(write_yaml(settings), encoding="utf-8")

    def _decryption(self) -> Mapping[str, Any]:
        """Return what opens the secrets: as noted here, else, where somebody else made the stack, as its state says."""
        noted = StackFile.read(self._settings, self._project).document if self._settings.exists() else {}
        known = {key: value for key, value in noted.items() if key in {*_OPENS_SECRETS, _PROVIDER} and value}
        return known if _OPENS_SECRETS & known.keys() else self._exported(cwd=self._folder).decryption()

    def _environment(self) -> dict[str, str]:
        env = {}
        if not os.environ.get("PULUMI_BACKEND_URL"):
            env["PULUMI_BACKEND_URL"] = self._user.folder("state").as_uri()
        if not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & os.environ.keys():
            env["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(self._user.passphrase_file())
        return env

    def _pulumi(self, *args: str, cwd: Path | None = None) -> str:
        at = [] if args[:2] in (("stack", "ls"), ("stack", "init"), ("stack", "rm")) else ["--stack", self.name]
        done = subprocess.run(  # noqa: S603 - no shell
            [str(self._command.command), *args, *at, "--non-interactive", "--color", "never"],
            cwd=cwd or self._root,
            env=os.environ | self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = _known_causes(done.stderr + done.stdout)
            # Which policy it breaks, and what was not expected, is all over it.
            whole = "--diff" in args and (done.stdout + done.stderr).strip().splitlines()
            raise UpdateFailed(said or whole or [last_line(done.stderr or done.stdout)])
        return done.stdout

    def _watched(self, operation: Callable[..., object], **options: Any) -> int:
        """Let an update come to its end, and say in few lines why it failed; return the number of changes."""
        progress = Progress()
        with interrupted_after(_PULUMI_STOPS):
            try:
                operation(
                    on_event=progress, color="never", show_secrets=False, config_file=str(self._settings), **options
                )
            except auto.CommandError as error:
                causes = _known_causes(str(error)) or progress.errors or [last_line(str(error))]
                raise UpdateFailed(causes) from None
        return progress.changes

    def refuse_while_locked(self) -> None:
        """Refuse to change anything while another update runs; Pulumi itself only looks when its own begins.

        Raises:
            Problem: naming who holds the stack.
        """
        for _, held in self._locks():
            holder = f"{held.get('username')}@{held.get('hostname')} (pid {held.get('pid')})"
            raise Problem(f"{_locked(holder)}; nothing was changed")

    def _unlock_if_abandoned(self) -> None:
        """Remove the lock of an update that was killed on this machine; nobody else would."""
        for lock, held in self._locks():
            if held.get("hostname") == os.uname().nodename and not runs(int(held.get("pid") or 0)):
                info(f"an earlier update was killed (process {held.get('pid')}); its lock is removed, its work goes on")
                lock.unlink(missing_ok=True)

    def _locks(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield the locks of a state in a folder, and who holds each; other backends keep theirs to themselves."""
        backend = (os.environ | self._env)["PULUMI_BACKEND_URL"]
        if not backend.startswith("file://"):
            return
        locks = Path(backend.removeprefix("file://")).expanduser() / ".pulumi" / "locks" / "organization"
        for lock in sorted((locks / self._project / self.name).glob("*.json")):
            # It may end at this moment.
            with contextlib.suppress(FileNotFoundError):
                yield lock, json.loads(lock.read_text(encoding="utf-8") or "{}")


class UpdateFailed(Problem):
    """An operation of Pulumi's did not succeed. `causes` has what a person needs to know."""

    def __init__(self, causes: list[str]) -> None:
        self.causes = causes
        super().__init__("\n".join(causes))


def _locked(holder: str) -> str:
    return (
        f"another update of this stack is running ({holder}): wait for it;"
        " if it was killed on another machine, `pulumi cancel` removes its lock"
    )


def _known_causes(output: str) -> list[str]:
    if "incorrect passphrase" in output:
        cause = (
            "the passphrase does not fit this stack: set PULUMI_CONFIG_PASSPHRASE_FILE (or PULUMI_CONFIG_PASSPHRASE)"
            " to the one it was made with; the generated one is ~/.slidegenie/passphrase"
        )
    elif "the stack is currently locked" in output:
        holder = re.search(r"created by (.+)", output)
        cause = _locked(holder.group(1) if holder else "unknown")
    else:
        return []
    return [cause]
