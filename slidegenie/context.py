"""What a command works on: a stack, its program, its plan, and what carries it out; read once, when it is needed."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from components.core.engine import DockerEngine
from components.core.labels import BACKUPS_DATA, DATA_LABEL, STACK_LABEL
from components.settings import Settings

from .compose.runner import ComposeRunner
from .console import Problem, info
from .engine.docker import docker, speak_to
from .plan import Plan, StackProgram
from .plan.program import project_name
from .pulumi.command_line import find_pulumi
from .rollout.runner import PulumiRunner
from .runner import Runner, RunnerKind
from .user_folder import UserFolder

DEFAULT_STACK = "dev"
"""The stack when none was named and none is up."""
NO_PULUMI = "this needs the Pulumi command line: https://www.pulumi.com/docs/install/ tells how to get it"


@dataclass(frozen=True)
class Context:
    """What a command works on."""

    program: StackProgram
    """The program of the stack."""
    user: UserFolder
    """What is kept between commands."""
    asked: RunnerKind | None
    """What is to carry the plan out; `None` leaves it to what is on record, and to what can be had."""
    named: bool
    """Whether somebody said the stack's name."""

    @classmethod
    def of(cls, stack: str | None, runner: RunnerKind | None = None) -> Self:
        """Return the context of a command in the current folder; without a name, of the stack brought up last.

        Raises:
            UnknownStackError: when the stack has no stack file.
            SettingsError: when that, or the environment, names a Docker engine that is none.
            Problem: when the stack is run by the other of Pulumi and Compose.
        """
        user = UserFolder.open().of_project(project_name(Path.cwd()))
        context = replace(cls.planned(stack or user.current()), asked=runner, named=stack is not None)
        _ = context.recorded
        return context

    @classmethod
    def planned(cls, stack: str | None) -> Self:
        """Return the context of a command that changes no stack: whoever runs it, and whatever is on record.

        Raises:
            UnknownStackError: when the stack has no stack file.
            SettingsError: when that, or the environment, names a Docker engine that is none.
        """
        program = StackProgram.read(Path.cwd(), stack or DEFAULT_STACK)
        # Whatever the command: with a name that is misspelt nothing starts, and all that follows speaks to one engine.
        speak_to(DockerEngine.of(program.configuration, program.file))
        return cls(program, UserFolder.open().of_project(program.project), None, named=stack is not None)

    def with_stack(self, stack: str) -> Self:
        """Return the same for another stack."""
        return replace(self, program=StackProgram.read(self.root, stack))

    @property
    def root(self) -> Path:
        """Folder of the program."""
        return self.program.root

    @property
    def stack(self) -> str:
        """Name of the stack."""
        return self.program.stack

    @property
    def label(self) -> str:
        """The stack's name on everything it makes: `project/stack`."""
        return self.program.label

    @property
    def settings(self) -> Settings:
        """The settings of the stack."""
        return self.program.settings

    @cached_property
    def plan(self) -> Plan:
        """The plan of the stack."""
        return self.program.plan()

    @cached_property
    def recorded(self) -> RunnerKind | None:
        """What runs the stack, or ran it and left its data; `None` where nobody knows of one."""
        return recorded_runner(self.user, self.stack, self.label, self.asked)

    @property
    def kind(self) -> RunnerKind:
        """What carries the plan of a stack that is there out."""
        return self.recorded or self.asked or RunnerKind.PULUMI

    @cached_property
    def runner(self) -> Runner:
        """What carries out the plan of a stack that is there.

        Raises:
            Problem: when that is Pulumi, and there is none.
        """
        return ComposeRunner(self.program, self.user) if self.kind is RunnerKind.COMPOSE else self._pulumi()

    def pulumi(self, otherwise: str) -> PulumiRunner:
        """Return Pulumi for what only Pulumi can do.

        Raises:
            Problem: when Compose runs the stack, with what to do `otherwise`; or when there is no Pulumi.
        """
        if self.kind is RunnerKind.COMPOSE:
            raise Problem(f"stack {self.stack} runs with Docker Compose, {otherwise}")
        return self._pulumi()

    def rollout_runner(self) -> Runner:
        """Return what brings the stack up, maybe for the first time: Pulumi where it is or can be installed.

        A stack stays with what brought it up: the other one would not know its passwords.

        Raises:
            Problem: when it has to be Pulumi, and Pulumi cannot be had.
        """
        if self.asked is None and self.recorded is RunnerKind.COMPOSE:
            info(f"stack {self.stack} runs with Docker Compose and stays with it")
        compose = RunnerKind.COMPOSE in (self.asked, self.recorded)
        if not compose and (command := find_pulumi()) is not None:
            return PulumiRunner(self.program, lambda: self.plan, self.user, command)
        if self.asked is RunnerKind.PULUMI:
            raise Problem(NO_PULUMI)
        if self.recorded is RunnerKind.PULUMI:
            raise Problem(
                f"stack {self.stack} was brought up with Pulumi, which cannot be used here now, so nothing was changed;"
                f" {NO_PULUMI}"
            )
        return ComposeRunner(self.program, self.user)

    def _pulumi(self) -> PulumiRunner:
        command = find_pulumi()
        if command is None:
            raise Problem(NO_PULUMI)
        return PulumiRunner(self.program, lambda: self.plan, self.user, command)


_OF_COMPOSE = "com.docker.compose.volume"
"""Label of Compose on the volumes that it makes itself."""


def recorded_runner(user: UserFolder, stack: str, label: str, asked: RunnerKind | None) -> RunnerKind | None:
    """Return what runs `stack`, or ran it and left its data; `None` where nobody knows of one.

    `label` is its name on the engine, `project/stack`; `asked` is what a person says.

    Raises:
        Problem: when a person says the other one: it has neither the passwords nor a list of what there is.
    """
    known = user.runner(stack) or _kept_by(user, stack) or runner_of_volumes(label)
    if known and asked not in (None, known):
        raise Problem(
            f"stack {stack} was brought up with {known.full_name}, so ENGINE={asked} knows neither its passwords nor"
            " what there is of it; nothing was changed. Leave ENGINE away; to change over, back it up, `make destroy`,"
            f" `make up ENGINE={asked}`, `make restore`"
        )
    return known


def _kept_by(user: UserFolder, stack: str) -> RunnerKind | None:
    """Return whose passwords this folder has, though the stack itself is gone: those of its backups."""
    return RunnerKind.COMPOSE if (user.stacks / "compose" / stack / "secrets" / "vault.json").is_file() else None


def runner_of_volumes(label: str) -> RunnerKind | None:
    """Return what made the data volumes of the stack on this engine; `None` when there are none, or no engine."""
    mark = f"label={STACK_LABEL}={label}"
    try:
        listed = docker("volume", "ls", "--quiet", "--filter", mark, "--filter", f"label={DATA_LABEL}", check=False)
        names = listed.stdout.split()
        volumes = json.loads(docker("volume", "inspect", *names, check=False).stdout or "[]") if names else []
    except Problem:
        return None
    # The volume of backups is made by hand under Compose, and outlives the rest under both.
    labels = [volume["Labels"] for volume in volumes if volume["Labels"].get(DATA_LABEL) != BACKUPS_DATA]
    if not labels:
        return None
    return RunnerKind.COMPOSE if any(_OF_COMPOSE in marks for marks in labels) else RunnerKind.PULUMI
