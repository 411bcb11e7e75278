"""A stack of Compose's: what was never brought up is neither listed, nor taken down, nor forgotten."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from slidegenie.compose.stack import ComposeStack

from slidegenie.commands import secrets as secret_commands
from slidegenie.commands import stack as commands
from slidegenie.compose import stack as compose
from slidegenie.console import NotBroughtUp, Problem
from slidegenie.context import Request
from slidegenie.engine import remains
from slidegenie.user_folder import UserFolder

from .plans import ROOT

STACK = "slidegenie/airgap"


class Engine:
    """What is on an engine, by kind; `docker compose down` is not among what it does."""

    def __init__(self) -> None:
        self.there: dict[str, list[str]] = {"ps": [], "network": [], "volume": []}
        self.removed: list[str] = []

    def __call__(self, kind: str, *args: str, **_: Any) -> subprocess.CompletedProcess[str]:
        if args[0] == "rm":
            self.removed.append(args[-1])
            return subprocess.CompletedProcess(args, 0, "", "")
        assert f"label=io.slidegenie.stack={STACK}" in args
        backups = "label=io.slidegenie.data=backups" in args
        names = [name for name in self.there[kind] if not backups or name.endswith("backups")]
        return subprocess.CompletedProcess(args, 0, "".join(f"{name}\n" for name in names), "")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setenv("SLIDEGENIE_HOME", str(tmp_path))
    monkeypatch.setenv("CONFIRM", "airgap")
    monkeypatch.setattr("slidegenie.context.ROOT", ROOT)
    monkeypatch.setattr(commands, "ROOT", ROOT)
    monkeypatch.setattr(commands, "ensure_engine", lambda: None)
    monkeypatch.setattr("slidegenie.runner.docker", made)
    monkeypatch.setattr(remains, "docker", made)
    monkeypatch.setattr(compose, "docker", made)
    monkeypatch.setattr(ComposeStack, "_compose", lambda *_, **__: None)
    return made


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """The passwords of a stack that was brought up."""
    file = tmp_path / "compose" / "airgap" / "secrets" / "vault.json"
    file.parent.mkdir(parents=True)
    kind = "random:index/randomPassword:RandomPassword"
    file.write_text(json.dumps({f"{kind}/slidegenie-redis-password": "b2YtcmVkaXM="}))
    (file.parent.parent / "docker-compose.yml").write_text("services: {}")
    return file


def stack() -> ComposeStack:
    return ComposeStack(ROOT, "airgap", UserFolder.open())


@pytest.mark.usefixtures("engine")
def test_passwords_that_were_never_made_are_not_invented(tmp_path: Path) -> None:
    with pytest.raises(NotBroughtUp, match=r"^stack airgap was never brought up with Docker Compose from this home"):
        list(stack().passwords())
    with pytest.raises(NotBroughtUp):
        stack().outputs()
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.usefixtures("engine")
def test_only_passwords_that_the_stack_has_are_listed(vault: Path) -> None:
    before = vault.read_text()
    assert [name for name, _ in stack().passwords()] == ["slidegenie-redis-password"]
    assert vault.read_text() == before


@pytest.mark.usefixtures("engine")
def test_to_destroy_what_is_not_there_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(NotBroughtUp):
        commands.destroy(Request("airgap", "compose"))
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.usefixtures("engine", "vault")
def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    UserFolder.open().remember("airgap", "compose")
    commands.destroy(Request("airgap", "auto"))
    assert UserFolder.open().engine("airgap") is None
    assert not (tmp_path / "compose" / "airgap").exists()


@pytest.mark.parametrize(
    ("kind", "name"), [("ps", "app"), ("network", "edge"), ("volume", "slidegenie-airgap-postgres")]
)
def test_what_is_still_there_is_named_and_nothing_is_forgotten(
    engine: Engine, vault: Path, kind: str, name: str
) -> None:
    UserFolder.open().remember("airgap", "compose")
    engine.there[kind] = [name]
    with pytest.raises(Problem, match=rf"^not all of stack {STACK} is gone from .*: \w+ {name}\. Something else"):
        commands.destroy(Request("airgap", "auto"))
    assert UserFolder.open().engine("airgap") == "compose"
    assert vault.exists()


@pytest.mark.usefixtures("vault")
def test_backups_are_no_remains_unless_they_were_to_go(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.there["volume"] = ["slidegenie-airgap-backups"]
    stack().destroy(with_backups=False)
    assert engine.removed == []
    monkeypatch.setattr(ComposeStack, "_refuse_unknown", lambda _self: None)
    with pytest.raises(Problem, match="volume slidegenie-airgap-backups"):
        stack().destroy(with_backups=True)
    assert engine.removed == ["slidegenie-airgap-backups"]


@pytest.mark.usefixtures("vault")
def test_a_stack_that_is_down_has_no_container_left(engine: Engine) -> None:
    engine.there["volume"] = ["slidegenie-airgap-postgres"]
    stack().down()
    engine.there["ps"] = ["app"]
    with pytest.raises(Problem, match="container app"):
        stack().down()


@pytest.mark.usefixtures("engine")
def test_what_somebody_destroyed_another_way_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing_of(_name: str, **_: bool) -> bool:
        raise NotBroughtUp("airgap", "Pulumi")

    UserFolder.open().remember("airgap", "pulumi")
    monkeypatch.setattr(commands, "_destroy_pulumi", nothing_of)
    commands.destroy(Request("airgap", "auto"))
    assert "stack airgap is gone already, and is forgotten" in capsys.readouterr().out
    assert UserFolder.open().engine("airgap") is None


@pytest.mark.usefixtures("engine")
def test_folders_of_data_that_stay_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    from .planned import unwatched  # noqa: PLC0415 - a plan takes its time

    remains.tell_folders(unwatched())
    assert capsys.readouterr().out == ""
    remains.tell_folders(unwatched(engine={"dataRoot": "/srv/data"}))
    said = capsys.readouterr().out
    assert "the data in folders of localhost stays: /srv/data/" in said
    assert "/srv/data/postgres" in said


def test_secrets_for_data_of_another_stack_are_not_written(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The committed Compose files would start on it with passwords that open nothing."""
    written: list[str] = []
    monkeypatch.setattr(secret_commands, "ROOT", ROOT)
    monkeypatch.setattr(secret_commands, "SECRETS_DIR", tmp_path / ".secrets")
    monkeypatch.setattr(secret_commands, "local_socket_group", lambda *_: "999")
    monkeypatch.setattr(secret_commands, "prepare_machine", lambda _root, stack, _group: written.append(stack))
    monkeypatch.setattr(secret_commands, "shown_by", lambda label: "pulumi" if label == STACK else None)
    with pytest.raises(Problem, match=rf"^stack {STACK} has data on this engine, which opens with the passwords"):
        secret_commands.secrets(Request("airgap", "auto"))
    assert written == []
    (tmp_path / ".secrets" / "airgap").mkdir(parents=True)
    (tmp_path / ".secrets" / "airgap" / "vault.json").touch()
    secret_commands.secrets(Request("airgap", "auto"))
    assert written == ["airgap"], "they are its own"
    assert engine.removed == []
