"""Pulumi's command line and its plugins: what counts as there."""

import importlib.metadata
import json
from pathlib import Path

import pytest
from pulumi import automation as auto

from slidegenie.pulumi import command_line as pulumi_cli
from slidegenie.pulumi.command_line import installed_plugins

_NEEDED = {"docker": "pulumi-docker", "docker-build": "pulumi-docker-build", "random": "pulumi-random"}


def _plugin(name: str, version: str, kind: str = "resource") -> dict[str, str]:
    return {"name": name, "kind": kind, "version": version}


def test_a_plugin_is_known_by_its_name_and_its_version_together() -> None:
    listed = [_plugin("docker", "4.0.0"), _plugin("other", "5.2.0"), _plugin("random", "4.21.0", "language")]
    assert installed_plugins(json.dumps(listed)) == {("docker", "4.0.0"), ("other", "5.2.0")}


@pytest.mark.parametrize("printed", ["", "error: no such command"])
def test_what_is_no_list_has_no_plugin(printed: str) -> None:
    assert installed_plugins(printed) == set()


@pytest.mark.parametrize("wrong", sorted(_NEEDED))
def test_one_with_the_version_of_another_is_installed(wrong: str, tmp_path: Path) -> None:
    versions = {name: importlib.metadata.version(package) for name, package in _NEEDED.items()}
    listed = [_plugin(name, version if name != wrong else "0.0.1") for name, version in versions.items()]
    # The version that is missing is there under another name.
    listed.append(_plugin("other", versions[wrong]))
    script = tmp_path / "pulumi"
    script.write_text(
        f"#!/bin/sh\n[ $2 = ls ] && echo '{json.dumps(listed)}' || echo \"$@\" >>{tmp_path}/calls\n", encoding="utf-8"
    )
    script.chmod(0o755)
    command = auto.PulumiCommand.__new__(auto.PulumiCommand)
    command.command = str(script)
    assert pulumi_cli._plugins(command)
    assert (tmp_path / "calls").read_text(encoding="utf-8") == f"plugin install resource {wrong} {versions[wrong]}\n"
