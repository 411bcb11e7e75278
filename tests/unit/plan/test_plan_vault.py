"""Secrets of a stack that runs without Pulumi: made once, private, and never made again."""

import base64
import datetime
import json
import os
import stat
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.settings import SettingsError
from slidegenie.compose.project import ComposeProject
from slidegenie.compose.vault import Vault
from slidegenie.compose.write import prepare_machine, refuse_encrypted, remove_former, write_compose, write_secrets
from slidegenie.plan import StackProgram
from slidegenie.plan.record import UUID7, fixed_values, uuid7
from slidegenie.user_folder import write_private

from ..plans import ROOT

_PASSWORD = "random:index/randomPassword:RandomPassword"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_value_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "vault.json"
    made = Vault(path).values(_PASSWORD, "db")
    assert len(made) == 64
    assert Vault(path).values(_PASSWORD, "db") == made
    assert Vault(path).values(_PASSWORD, "cache") != made
    assert Vault(path).values(_PASSWORD, "db") == made
    assert json.loads(path.read_text())[f"{_PASSWORD}/db"] == base64.b64encode(made).decode()


def test_only_the_owner_reads_the_vault(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "vault.json"
    Vault(path).values(_PASSWORD, "db")
    assert _mode(path) == 0o600
    assert _mode(path.parent) == 0o700


def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o755)
    Vault(tmp_path / "secrets" / "vault.json").values(_PASSWORD, "db")
    assert _mode(tmp_path / "secrets") == 0o700


def test_runs_at_the_same_time_agree(tmp_path: Path) -> None:
    path = tmp_path / "vault.json"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: (number % 4, Vault(path).values(_PASSWORD, str(number % 4))), range(64)))
    assert len(set(made)) == 4


def test_the_time_in_a_new_uuid_is_now(tmp_path: Path) -> None:
    before = datetime.datetime.now(datetime.UTC).timestamp()
    made = uuid.UUID(bytes=Vault(tmp_path / "vault.json").values(UUID7, "made")[:16])
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before - 1 <= (made.int >> 80) / 1000 <= datetime.datetime.now(datetime.UTC).timestamp()


def test_the_time_of_a_plan_that_nobody_runs_is_fixed() -> None:
    made = uuid.UUID(bytes=fixed_values(UUID7, "made")[:16])
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert (
        datetime.datetime.fromtimestamp((made.int >> 80) / 1000, datetime.UTC).isoformat()
        == "2025-01-01T00:00:00+00:00"
    )


def test_a_uuid_has_its_version_and_variant_whatever_the_random_bytes() -> None:
    assert uuid7(0x0123456789AB, b"\xff" * 10).hex() == "0123456789ab7fffbfffffffffffffff"
    assert uuid7(0x0123456789AB, b"\x00" * 10).hex() == "0123456789ab70008000000000000000"


def test_a_file_with_the_same_text_stays_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "one", mode=0o444)
    first = path.stat().st_ino
    write_private(path, "one", mode=0o444)
    assert path.stat().st_ino == first
    write_private(path, "two", mode=0o444)
    assert path.read_text() == "two"
    assert _mode(path) == 0o444
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    write_private(path, "one", mode=0o600)

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_private(path, "two", mode=0o600)
    assert path.read_text() == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_secret_files_are_readable_in_a_folder_that_is_not(tmp_path: Path) -> None:
    project = ComposeProject("text", {"files/a": "open"}, {".secrets/x/app/b": "hush"}, tmp_path / ".secrets" / "x")
    write_secrets(project, tmp_path)
    write_compose(project, tmp_path, "docker-compose.x.yml")
    assert (tmp_path / ".secrets/x/app/b").read_text() == "hush"
    assert _mode(tmp_path / ".secrets/x/app/b") == 0o444
    assert _mode(tmp_path / ".secrets/x") == 0o700
    assert (tmp_path / "docker-compose.x.yml").read_text() == "text"
    assert (tmp_path / "files/a").read_text() == "open"


def test_files_of_former_releases_are_removed_and_those_of_this_one_stay(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    for content in ("one", "two"):
        project = ComposeProject(
            "text",
            {},
            {f"secrets/app/{content}/password": content, "secrets/redis/users.acl": "user default off"},
            secrets,
            content_folders=frozenset({secrets / "app" / content}),
        )
        write_secrets(project, tmp_path)
    # As they were before each content had a folder.
    (secrets / "app" / "password").write_text("zero")
    remove_former(project)
    left = [str(path.relative_to(secrets)) for path in sorted(secrets.rglob("*")) if path.is_file()]
    assert left == ["app/two/password", "redis/users.acl"]


def test_a_file_that_a_container_watches_is_never_written_in_place(tmp_path: Path) -> None:
    file = tmp_path / "files/a"
    before = ComposeProject("text", {"files/a": "route"}, {}, tmp_path)
    write_compose(before, tmp_path, "docker-compose.x.yml")
    with file.open(encoding="utf-8") as mounted:
        write_compose(before, tmp_path, "docker-compose.x.yml")
        assert file.stat().st_ino == os.fstat(mounted.fileno()).st_ino
        after = ComposeProject("text", {"files/a": "another"}, {}, tmp_path)
        write_compose(after, tmp_path, "docker-compose.x.yml")
        assert mounted.read() == "route"
    assert file.read_text() == "another"
    assert _mode(file) == 0o644


def _checkout(folder: Path, settings: str = "config: {}\n") -> Path:
    for name in ("__main__.py", "Pulumi.yaml"):
        (folder / name).write_text((ROOT / name).read_text())
    (folder / "Pulumi.mine.yaml").write_text(settings)
    return folder


def test_preparing_a_machine_twice_changes_nothing(tmp_path: Path) -> None:
    root = _checkout(tmp_path)
    (root / ".env").write_text("MINE=1\nDOCKER_GID=7\nMORE=2")
    prepare_machine(StackProgram.read(root, "mine"), 105)
    first = {path: path.read_text() for path in root.rglob("*") if path.is_file()}
    prepare_machine(StackProgram.read(root, "mine"), 105)
    assert {path: path.read_text() for path in root.rglob("*") if path.is_file()} == first
    assert first[root / ".env"] == "MINE=1\nDOCKER_GID=105\nMORE=2"
    password = first[root / ".secrets/mine/postgres-login-secrets/login-password"]
    assert len(password) == 40
    assert first[root / ".secrets/mine/app-secrets/postgres-password"] == password


def test_two_machines_have_different_passwords(tmp_path: Path) -> None:
    passwords = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        prepare_machine(StackProgram.read(_checkout(tmp_path / name), "mine"), 1)
        passwords.add((tmp_path / name / ".secrets/mine/postgres-secrets/password").read_text())
    assert len(passwords) == 2


def test_a_secret_that_only_pulumi_reads_is_refused_by_its_key(tmp_path: Path) -> None:
    settings = (
        "config:\n  slidegenie:secrets:\n    postgresPassword: {secure: v1:abc}\n  slidegenie:list:\n    - secure: x\n"
    )
    root = _checkout(tmp_path, settings)
    with pytest.raises(SettingsError) as refused:
        refuse_encrypted(StackProgram.read(root, "mine"))
    assert [problem.split(":")[0] for problem in refused.value.problems] == ["list.0", "secrets.postgresPassword"]
    assert str(refused.value).splitlines()[1] == (
        "Pulumi.mine.yaml: secrets.postgresPassword: is encrypted by Pulumi, which Docker Compose cannot read;"
        " run this stack with Pulumi (`make up`), or remove the key where the secret can be generated"
    )
    with pytest.raises(SettingsError):
        prepare_machine(StackProgram.read(root, "mine"), 1)
    assert not (root / ".secrets").exists()


def test_an_administrator_keeps_the_password_it_had_under_its_former_name(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.json")
    before = vault.values(_PASSWORD, "slidegenie-postgres-password")
    assert vault.values(_PASSWORD, "slidegenie-postgres-administrator") == before
    assert vault.values(_PASSWORD, "slidegenie-postgres-administrator") == before, "and it is written down"
    assert vault.values(_PASSWORD, "slidegenie-postgres-deputy") != before
    assert vault.values(_PASSWORD, "other-postgres-administrator") != before
