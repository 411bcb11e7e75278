"""Commands that show secrets, and that write them for the committed Compose files."""

from pathlib import Path

import pytest

from slidegenie.__main__ import main
from slidegenie.commands import secrets
from slidegenie.runner import RunnerKind

from ..fake_runner import FakeRunner, in_a_program


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRunner:
    in_a_program(tmp_path, monkeypatch)
    made = FakeRunner()
    made.take(monkeypatch)
    return made


def test_what_people_type_is_listed_and_no_key_that_only_programs_read(
    runner: FakeRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    runner.generated = {"slidegenie-redis-password": "open", "slidegenie-hash-key": "x", "edge-certificate-key": "y"}
    assert main(["password"]) == 0
    assert capsys.readouterr().out == "slidegenie-redis-password\topen\n"


def test_the_authority_is_written_where_its_path_says(
    runner: FakeRunner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["authority"]) == 1
    assert "stack dev has no local authority: its certificate is your own (proxy.tls)" in capsys.readouterr().err
    runner.exported = {"authority": "PEM"}
    assert main(["authority"]) == 0
    file = Path(capsys.readouterr().out.strip())
    assert (file, file.read_text()) == (tmp_path / "home" / "stacks" / "dev" / "authority.pem", "PEM")


@pytest.mark.usefixtures("runner")
def test_secrets_for_data_of_another_stack_are_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The committed Compose files would start on it with passwords that open nothing."""
    written: list[str] = []
    monkeypatch.setattr(secrets, "local_socket_group", lambda *_: "999")
    monkeypatch.setattr(secrets, "prepare_machine", lambda program, _group: written.append(program.stack))
    monkeypatch.setattr(
        secrets, "runner_of_volumes", lambda label: RunnerKind.PULUMI if label == "slidegenie/prod" else None
    )
    assert main(["secrets", "--stack", "prod"]) == 1
    said = "==> stack slidegenie/prod has data on this engine, which opens with the passwords"
    assert capsys.readouterr().err.startswith(said)
    assert written == []
    vault = Path(".secrets", "prod", "vault.json")
    vault.parent.mkdir(parents=True)
    vault.touch()
    assert main(["secrets", "--stack", "prod"]) == 0
    assert main(["secrets"]) == 0
    assert written == ["prod", "dev"], "they are its own, and dev has no data"
    assert capsys.readouterr().out.splitlines() == [
        "wrote .secrets/prod and .env; now: docker compose -f docker-compose.prod.yml up -d",
        "wrote .secrets/dev and .env; now: docker compose -f docker-compose.yml up -d",
    ]
