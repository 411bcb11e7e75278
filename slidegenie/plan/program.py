"""Plan the program of a stack: what a preview would register, without Pulumi's command line, Docker or network."""

import contextlib
import json
import runpy
from pathlib import Path
from typing import Any

from pulumi.runtime import config as runtime_config

from components.settings import Settings, SettingsError, settings_of
from components.settings.base import ENCRYPTED
from components.settings.stack_file import StackFile
from components.settings.yaml_file import read_yaml

from .record import Plan, Values, fixed_values, record


class UnknownStackError(Exception):
    """There is no settings file for the stack, or no Pulumi program at all."""


def plan_stack(root: Path, stack: str, values: Values = fixed_values) -> Plan:
    """Return the plan of the program in `root` with the settings of `Pulumi.<stack>.yaml`.

    Raises:
        UnknownStackError: when that file does not exist.
        SettingsError: when it has mistakes.
    """
    project = project_name(root)
    configuration = stack_configuration(root, stack)
    # The group of the socket differs between hosts; a plan is the same everywhere.
    engine = configuration.get(f"{project}:engine") or {}
    if isinstance(engine, dict):
        configuration[f"{project}:engine"] = {"socketGroup": 999} | engine

    def program() -> None:
        runtime_config.set_all_config({key: _wire(value) for key, value in configuration.items()}, [])
        runpy.run_path(str(root / "__main__.py"), run_name="__main__")

    # Paths of data files are relative to where the program runs, as Pulumi runs it in its own folder.
    with contextlib.chdir(root):
        return record(program, project=project, stack=stack, values=values)


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


def stack_configuration(root: Path, stack: str) -> dict[str, Any]:
    """Return the configuration in `Pulumi.<stack>.yaml`, keys with their namespace; encrypted values are masked.

    Raises:
        UnknownStackError: when that file, or the project, does not exist.
        SettingsError: when it is no stack file.
    """
    file, project = root / f"Pulumi.{stack}.yaml", project_name(root)
    if not file.is_file():
        known = sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in root.glob("Pulumi.*.yaml"))
        raise UnknownStackError(
            f"stack {stack!r} does not exist: there is no {file.name}; known stacks: {', '.join(known)}."
            f" To make it, write {file.name} (docs/configuration.md lists the keys)"
        )
    return {key: _mask(value) for key, value in StackFile.read(file, project).configuration.items()}


def stack_settings(root: Path, stack: str) -> Settings:
    """Return the settings in `Pulumi.<stack>.yaml`; encrypted values are masked.

    Raises:
        UnknownStackError: when that file does not exist.
        SettingsError: when it has mistakes.
    """
    return settings_of(project_name(root), stack_configuration(root, stack), f"Pulumi.{stack}.yaml")


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return ENCRYPTED if set(value) == {"secure"} else {key: _mask(item) for key, item in value.items()}
    return [_mask(item) for item in value] if isinstance(value, list) else value


def _wire(value: Any) -> str:
    """Write a value as Pulumi hands it to a program: groups as JSON, scalars as text."""
    if isinstance(value, dict | list | bool):
        return json.dumps(value)
    return "" if value is None else str(value)
