"""Pulumi: what of its programs counts as there, and which stacks are not touched."""

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any, cast

import pytest
from pulumi import automation as auto

from components.settings.yaml_file import parse_yaml
from slidegenie.console import Problem
from slidegenie.plan import StackProgram
from slidegenie.pulumi import command_line
from slidegenie.pulumi.stack import PulumiStack
from slidegenie.rollout import rollout
from slidegenie.runner import PreviewOptions
from slidegenie.user_folder import UserFolder

from ..plans import write_program

_GONE = 2**22 + 1
"""Above the highest process ID that Linux gives out."""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PulumiStack:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_BACKEND_URL", (tmp_path / "state").as_uri())
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path / "home"))
    write_program(tmp_path, "test")
    return PulumiStack(StackProgram.read(tmp_path, "test"), UserFolder.open(), cast("Any", None))


class Pulumi:
    """Answers as the command line does, and notes what it is asked."""

    def __init__(self) -> None:
        self.stacks, self.history = ["other"], list[tuple[str, str]]()
        self.provider: dict[str, Any] = {}
        self.asked: list[str] = []

    def __call__(self, *args: str, **_options: Any) -> str:
        self.asked.append(" ".join(args[:2]))
        match args[1]:
            case "ls":
                return json.dumps([{"name": name} for name in self.stacks])
            case "export":
                return json.dumps({"deployment": {"secrets_providers": self.provider}})
            case "history":
                return json.dumps([{"kind": kind, "result": result} for kind, result in self.history])
        return ""


@pytest.fixture
def command(stack: PulumiStack, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    made = Pulumi()
    monkeypatch.setattr(stack, "_pulumi", made)
    return made


def settings(stack: PulumiStack) -> dict[str, Any]:
    """Return the settings that Pulumi is given."""
    document: dict[str, Any] = parse_yaml(stack._settings.read_bytes(), "settings")
    return document


def test_a_stack_that_was_never_up_is_made_by_who_brings_it_up_only(stack: PulumiStack, command: Pulumi) -> None:
    with pytest.raises(Problem, match=r"^stack test was never brought up with Pulumi from this home, or is des"):
        stack.open()
    assert command.asked == ["stack ls"]
    stack.open(make=True)
    assert command.asked[:3] == ["stack ls", "stack ls", "stack init"]


@pytest.mark.parametrize(
    ("provider", "keys"),
    [
        ({"type": "passphrase", "state": {"salt": "v1:abc"}}, {"encryptionsalt": "v1:abc"}),
        (
            {"type": "cloud", "state": {"url": "awskms://alias/x", "encryptedkey": "abc"}},
            {"secretsprovider": "awskms://alias/x", "encryptedkey": "abc"},
        ),
        ({"type": "service", "state": {"owner": "ann"}}, {}),
    ],
)
def test_what_opens_the_secrets_of_a_stack_that_somebody_else_made_is_in_its_state(
    stack: PulumiStack, command: Pulumi, provider: dict[str, Any], keys: dict[str, str]
) -> None:
    command.stacks, command.provider = ["test"], provider
    stack.open()
    assert {key: value for key, value in settings(stack).items() if key != "config"} == keys


def test_what_is_noted_here_need_not_be_asked_for(stack: PulumiStack, command: Pulumi) -> None:
    command.stacks, command.provider = ["test"], {"state": {"salt": "v1:abc"}}
    stack.open()
    command.asked.clear()
    stack.open(rollback=2, unchecked=True)
    assert command.asked == ["stack ls"]
    assert settings(stack)["encryptionsalt"] == "v1:abc"
    assert settings(stack)["config"]["slidegenie:backend"] == {"rollback": 2, "rollbackUnchecked": True}
    stack.open()
    assert "rollback" not in settings(stack)["config"].get("slidegenie:backend", {})


@pytest.mark.parametrize(
    ("history", "succeeded"),
    [
        ([], True),
        ([("refresh", "failed"), ("update", "succeeded"), ("update", "failed")], True),
        ([("destroy", "succeeded"), ("update", "failed"), ("update", "succeeded")], False),
    ],
)
def test_how_the_last_update_ended_is_in_the_history(
    stack: PulumiStack, command: Pulumi, history: list[tuple[str, str]], succeeded: bool
) -> None:
    command.history = history
    assert stack.last_update_succeeded() is succeeded


def lock(folder: Path, process: int, host: str = "") -> Path:
    file = folder / "state" / ".pulumi" / "locks" / "organization" / "slidegenie" / "test" / "one.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"pid": process, "username": "ann", "hostname": host or os.uname().nodename}))
    return file


def test_what_a_running_update_made_is_not_swept(
    stack: PulumiStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(tmp_path, os.getpid())
    monkeypatch.setattr(rollout, "sweep", lambda *_: pytest.fail("it must not begin"))
    with pytest.raises(Problem, match=rf"another update of this stack is running \(ann@.* \(pid {os.getpid()}\)\)"):
        rollout.roll_out(stack)


def test_a_lock_of_another_machine_counts_whatever_runs_here(stack: PulumiStack, tmp_path: Path) -> None:
    lock(tmp_path, _GONE, "elsewhere")
    stack._unlock_if_abandoned()
    with pytest.raises(Problem, match=r"ann@elsewhere.*`pulumi cancel` removes its lock; nothing was changed"):
        stack.refuse_while_locked()


def test_the_lock_of_an_update_that_was_killed_here_goes(stack: PulumiStack, tmp_path: Path) -> None:
    file = lock(tmp_path, _GONE)
    stack._unlock_if_abandoned()
    assert not file.exists()
    stack.refuse_while_locked()


# ---------------------------------------------------------------------------- what Pulumi is asked


_SAID = auto.CommandResult(stdout="Policies: [mandatory] privileged", stderr="error: it failed", code=255)


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (PreviewOptions(), {}),
        (PreviewOptions(expect_no_changes=True), {"expect_no_changes": True}),
        (PreviewOptions(policy_pack=Path("/base/security")), {"policy_packs": ["/base/security"]}),
        (PreviewOptions(save_plan=Path("/plan.json")), {"plan": "/plan.json"}),
    ],
    ids=["nothing more", "no changes", "a policy", "a plan"],
)
def test_a_preview_that_fails_says_all_that_pulumi_said(
    stack: PulumiStack, options: PreviewOptions, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}

    class Failing:
        def preview(self, **options: Any) -> None:
            told.update({name: value for name, value in options.items() if value})
            raise auto.CommandError(_SAID)

    monkeypatch.setattr(stack, "_stack", Failing)
    with pytest.raises(Problem, match=r"(?s)\[mandatory\] privileged.*error: it failed"):
        stack.preview(options)
    assert told.pop("diff") is True
    assert {name: told[name] for name in told if name in ("expect_no_changes", "policy_packs", "plan")} == asked


def test_drift_that_nobody_expects_is_said_whole(stack: PulumiStack, tmp_path: Path) -> None:
    script = tmp_path / "pulumi"
    script.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/told\necho "~ memory"\necho "error: changes" >&2\nexit 1\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    stack._command = auto.PulumiCommand.__new__(auto.PulumiCommand)
    stack._command.command = str(script)
    with pytest.raises(Problem) as found:
        stack.drift(expect_none=True)
    assert str(found.value) == "~ memory\nerror: changes"
    asked = (tmp_path / "told").read_text(encoding="utf-8")
    assert asked.startswith("refresh --preview-only --diff --expect-no-changes --config-file")


# ---------------------------------------------------------------------------- programs

_NEEDED = {"docker": "pulumi-docker", "docker-build": "pulumi-docker-build", "random": "pulumi-random"}


def _plugin(name: str, version: str, kind: str = "resource") -> dict[str, str]:
    return {"name": name, "kind": kind, "version": version}


def test_a_plugin_is_known_by_its_name_and_its_version_together() -> None:
    listed = [_plugin("docker", "4.0.0"), _plugin("other", "5.2.0"), _plugin("random", "4.21.0", "language")]
    assert command_line.installed_plugins(json.dumps(listed)) == {("docker", "4.0.0"), ("other", "5.2.0")}


@pytest.mark.parametrize("printed", ["", "error: no such command"])
def test_what_is_no_list_has_no_plugin(printed: str) -> None:
    assert command_line.installed_plugins(printed) == set()


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
    assert command_line._plugins(command)
    assert (tmp_path / "calls").read_text(encoding="utf-8") == f"plugin install resource {wrong} {versions[wrong]}\n"
