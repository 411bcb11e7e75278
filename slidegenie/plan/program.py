"""Plan the program of a stack: what a preview would register, without Pulumi's command line, Docker or network."""

import contextlib
import json
import runpy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pulumi.runtime import config as runtime_config

from components.settings import Settings, SettingsError, settings_of
from components.settings.load import StackFile
from components.settings.texts import ENCRYPTED
from components.settings.yaml_file import read_yaml

from .record import Plan, Values, fixed_values, record


class UnknownStackError(Exception):
    """There is no settings file for the stack, or no Pulumi program at all."""


@dataclass(frozen=True)
class StackProgram:
    """The program of one stack: where it is, and what its stack file says, read once."""

    root: Path
    """Folder of the program: of `Pulumi.yaml` and the stack files."""
    project: str
    """Name of the Pulumi project."""
    stack: str
    configuration: Mapping[str, Any]
    """What the stack file says, keys with their namespace; encrypted values are masked."""

    @classmethod
    def read(cls, root: Path, stack: str) -> Self:
        """Read `Pulumi.yaml` and `Pulumi.<stack>.yaml` in `root`.

        Raises:
            UnknownStackError: when one of them does not exist.
            SettingsError: when one of them is none.
        """
        project = project_name(root)
        file = root / f"Pulumi.{stack}.yaml"
        if not file.is_file():
            known = ", ".join(stack_names(root))
            raise UnknownStackError(
                f"stack {stack!r} does not exist: there is no {file.name}; known stacks: {known}."
                f" To make it, write {file.name} (docs/configuration.md lists the keys)"
            )
        stack_file = StackFile.read(file, project)
        return cls(root, project, stack, {key: _mask(value) for key, value in stack_file.configuration.items()})

    @property
    def label(self) -> str:
        """The stack's name on everything it makes: `project/stack`."""
        return f"{self.project}/{self.stack}"

    @property
    def file(self) -> str:
        """Name of the stack file."""
        return f"Pulumi.{self.stack}.yaml"

    @cached_property
    def settings(self) -> Settings:
        """The settings in the stack file.

        Raises:
            SettingsError: when it has mistakes.
        """
        return settings_of(self.project, self.configuration, self.file)

    def section(self, name: str) -> dict[str, Any]:
        """Return a section of the settings as the stack file has it; empty where it has none."""
        section: dict[str, Any] = self.configuration.get(f"{self.project}:{name}") or {}
        return section

    def plan(self, values: Values = fixed_values) -> Plan:
        """Return what the program would register, with the random `values` that are given.

        The plan with fixed values is recorded once.

        Raises:
            SettingsError: when the stack file has mistakes.
        """
        return self._fixed_plan if values is fixed_values else self._record(values)

    @cached_property
    def _fixed_plan(self) -> Plan:
        return self._record(fixed_values)

    def _record(self, values: Values) -> Plan:
        configuration = dict(self.configuration)
        # The group of the socket differs between hosts; a plan is the same everywhere.
        engine = configuration.get(f"{self.project}:engine") or {}
        if isinstance(engine, dict):
            configuration[f"{self.project}:engine"] = {"socketGroup": 999} | engine

        def program() -> None:
            runtime_config.set_all_config({key: _wire(value) for key, value in configuration.items()}, [])
            runpy.run_path(str(self.root / "__main__.py"), run_name="__main__")

        # Paths of data files are relative to where the program runs, as Pulumi runs it in its own folder.
        with contextlib.chdir(self.root):
            return record(program, project=self.project, stack=self.stack, values=values)


def stack_names(root: Path) -> list[str]:
    """Return the names of the stacks that have a stack file in `root`, sorted."""
    return sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in root.glob("Pulumi.*.yaml"))


def project_name(root: Path) -> str:
    """Return the name of the Pulumi project in `root`.

    Raises:
        UnknownStackError: when there is no project.
    """
    if not (root / "Pulumi.yaml").is_file():
        raise UnknownStackError(f"there is no Pulumi.yaml in {root}: run this in the folder of a Pulumi program")
    project = read_yaml(root / "Pulumi.yaml", "the name of the project")
    if not (isinstance(project, dict) and isinstance(project.get("name"), str)):
        raise SettingsError("Pulumi.yaml", ["name: is missing; every Pulumi project has one"])
    return str(project["name"])


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return ENCRYPTED if set(value) == {"secure"} else {key: _mask(item) for key, item in value.items()}
    return [_mask(item) for item in value] if isinstance(value, list) else value


def _wire(value: Any) -> str:
    """Write a value as Pulumi hands it to a program: groups as JSON, scalars as text."""
    if isinstance(value, dict | list | bool):
        return json.dumps(value)
    return "" if value is None else str(value)
