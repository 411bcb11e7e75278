"""Commands as people type them: what there is, what help says, what `make` passes on, and what is a mistake."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from slidegenie import __main__ as program
from slidegenie import backups
from slidegenie.__main__ import main
from slidegenie.commands import secrets
from slidegenie.plan import Plan
from slidegenie.runner import RunnerKind

from ..plans import ROOT, FakeRunner, in_a_program
from ..project.test_docs import targets

_OF_SCRIPTS = {"build-images", "scan-images", "ci"}
"""Commands that a script or a workflow calls, and `make` does not."""
_OF_THE_PROJECT = {"help", "lock", "generate", "check", "format", "test", "release-check"}
"""Targets that are about the project, and not about a stack."""


def commands() -> dict[str, Any]:
    """Return every command by its name."""
    group: Any = typer.main.get_command(program._program())
    found: dict[str, Any] = group.commands
    return found


NAMES = sorted(commands())


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print for the same terminal everywhere."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")


def parameters() -> Iterator[tuple[str, Any]]:
    for name, command in commands().items():
        for parameter in command.params:
            yield name, parameter


# ---------------------------------------------------------------------------- help


def test_every_command_is_in_a_group_and_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    shown = re.findall(r"^│ ([a-z][a-z-]+) ", said, re.MULTILINE)
    assert sorted(shown) == NAMES
    assert re.findall(r"^╭─ (\w+) ─", said, re.MULTILINE) == ["Options", *program._GROUPS, "Workflows"]
    assert "SLIDEGENIE_HOME" in said
    assert "DOCKER_HOST" in said


def test_without_a_command_there_is_the_help_and_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert "Usage: slidegenie [OPTIONS] COMMAND" in said.out
    assert said.err == ""


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_has_all_that_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", capsys.readouterr().out).split())
    command = commands()[name]
    assert f"Usage: slidegenie {name} [OPTIONS]" in said
    assert " ".join(command.help.split("\n\n")[0].split()) in said
    for parameter in command.params:
        shown = parameter.opts if parameter.param_type_name == "option" else [parameter.name]
        assert [one for one in shown if one not in said] == []


def test_every_option_and_argument_has_a_help_text() -> None:
    without = [f"{name} {parameter.name}" for name, parameter in parameters() if not parameter.help]
    assert without == []
    wrong = [f"{name} {p.name}: {p.help}" for name, p in parameters() if not re.match(r"[A-Z].*[.:]$", p.help.strip())]
    assert wrong == [], "they are sentences"


def test_no_option_is_read_from_the_environment_but_the_key_that_cosign_reads_there() -> None:
    assert {(name, p.envvar) for name, p in parameters() if p.envvar} == {("build-images", "COSIGN_KEY")}


# ---------------------------------------------------------------------------- make


def test_every_command_is_a_target_of_make_and_every_target_a_command() -> None:
    assert {"up", "backup", "backups", "restore", "drill", "scan", "rotate", "rollback"} <= set(NAMES)
    assert set(NAMES) - targets() == _OF_SCRIPTS
    assert targets() - set(NAMES) == _OF_THE_PROJECT


def test_make_help_lists_every_target() -> None:
    assert set(re.findall(r"^ {2}make ([a-z-]+) ", make("help"), re.MULTILINE)) == targets()


@pytest.mark.parametrize("name", sorted(set(NAMES) - _OF_SCRIPTS))
def test_make_calls_the_command_of_that_name_with_options_that_it_knows(name: str) -> None:
    """What it makes of all the variables at once: the command has each of those options."""
    given = [f"{variable}={value}" for command, variable, value, _ in VARIABLES if command == name]
    given += ["BASE=main"] if name == "diff" else []
    called = make("--dry-run", name, *given).splitlines()[-1].split()
    assert called[:4] == [".venv/bin/python", "-m", "slidegenie", name]
    options = {word for word in called[4:] if word.startswith("--") and word != "--"}
    known = {one for parameter in commands()[name].params for one in (*parameter.opts, *parameter.secondary_opts)}
    assert options - known == set()


VARIABLES = [
    ("up", "NEWEST", "1", "--newest"),
    ("up", "LET_GO", "yes", "--remove-data"),
    ("destroy", "CONFIRM", "dev", "--confirm 'dev'"),
    ("destroy", "BACKUPS", "delete", "--backups"),
    ("rotate", "SECRET", "redis", "'redis'"),
    ("rollback", "FORCE", "1", "--force"),
    ("restore", "CONFIRM", "dev", "--confirm 'dev'"),
    ("restore", "SNAPSHOT", "abcd", "--snapshot 'abcd'"),
    ("restore", "ONLY", "postgres", "--only 'postgres'"),
    ("restore", "MIGRATE", "no", "--no-migrate"),
    ("clean", "DRY_RUN", "true", "--dry-run"),
    ("plan", "ARGS", "--json", "--json"),
    ("policy", "LIVE", "1", "--live"),
    ("release-check", "ONLY", "check", "--only 'check'"),
]


def make(*arguments: str, **exported: str) -> str:
    """Return what `make` prints."""
    done = run_make(*arguments, **exported)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_make(*arguments: str, **exported: str) -> subprocess.CompletedProcess[str]:
    known = {"STACK", "ENGINE", "MAKEFLAGS", "MAKELEVEL", *(variable for _, variable, _, _ in VARIABLES)}
    bare = {name: value for name, value in os.environ.items() if name not in known}
    return subprocess.run(
        ["/usr/bin/env", "make", *arguments], cwd=ROOT, env=bare | exported, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("command", "variable", "value", "option"), VARIABLES)
def test_a_variable_counts_behind_make_and_not_where_a_machine_happens_to_export_it(
    command: str, variable: str, value: str, option: str
) -> None:
    plain = make("--dry-run", command)
    assert option not in plain
    assert make("--dry-run", command, **{variable: value}) == plain
    written = make("--dry-run", command, f"{variable}={value}")
    assert " ".join(written.split()) == f"{' '.join(plain.split())} {option}"


@pytest.mark.parametrize("command", ["down", "preview", "scan", "logs", "policy", "secrets"])
def test_what_the_makefile_calls_its_own_parts_is_not_taken_from_the_environment(command: str) -> None:
    exported = dict.fromkeys(("OPTIONS", "OF_STACK", "CLI", "given", "option", "flag", "yes", "no"), "--force")
    assert make("--dry-run", command, **exported) == make("--dry-run", command)


@pytest.mark.parametrize(("variable", "option"), [("STACK", "--stack 'prod'"), ("ENGINE", "--engine 'prod'")])
def test_stack_and_engine_count_either_way(variable: str, option: str) -> None:
    """People work on one for a while."""
    assert option in make("--dry-run", "up", **{variable: "prod"})
    assert option in make("--dry-run", "up", f"{variable}=prod")


@pytest.mark.parametrize("value", ["no", "false", "0", ""])
def test_no_is_no(value: str) -> None:
    for command, variable in (("up", "LET_GO"), ("up", "NEWEST"), ("clean", "DRY_RUN"), ("rollback", "FORCE")):
        assert "--" not in make("--dry-run", command, f"{variable}={value}").splitlines()[-1]
    assert ("--no-migrate" in make("--dry-run", "restore", f"MIGRATE={value}")) is bool(value)


@pytest.mark.parametrize(
    ("command", "variable"),
    [("up", "LET_GO"), ("up", "NEWEST"), ("clean", "DRY_RUN"), ("rollback", "FORCE"), ("restore", "MIGRATE")],
)
def test_neither_yes_nor_no_is_refused(command: str, variable: str) -> None:
    """A dry run that was misspelt would delete."""
    done = run_make("--dry-run", command, f"{variable}=maybe")
    assert done.returncode == 2
    assert f"{variable} must be yes or no (also true, false, 1, 0); got 'maybe'" in done.stderr
    assert "slidegenie" not in done.stdout


# ---------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["upp"], "No such command 'upp'"),
        (["--stack", "dev", "up"], "No such option: --stack"),
        (["up", "--newst"], "No such option: --newst"),
        (["up", "dev"], "Got unexpected extra argument(s) (dev)"),
        (["up", "--stack"], "Option '--stack' requires an argument"),
        (["up", "--engine", "docker"], "'docker' is not one of 'pulumi', 'compose'"),
        (["restore", "--only", "everything"], "'everything' is not one of 'postgres', 'objects'"),
        (["build-images", "--cache", "disk"], "'disk' is not one of 'off', 'inline', 'registry'"),
    ],
)
def test_a_mistake_in_a_command_is_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_a_program(tmp_path, monkeypatch)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("==> ")
    assert err.count("\n") == 1
    assert said in err
    assert err.endswith("--help` lists what there is\n")


# ---------------------------------------------------------------------------- restore, which asks


@pytest.fixture
def restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is restored, in place of a restore."""
    done: list[dict[str, Any]] = []

    def restore(_plan: Plan, snapshot: str, **how: Any) -> None:
        done.append({"snapshot": snapshot} | how)

    in_a_program(tmp_path, monkeypatch)
    monkeypatch.setattr(backups, "restore", restore)
    return done


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ([], {"snapshot": "latest", "only": None, "migrates": True}),
        (["--snapshot", "abcd", "--only", "objects"], {"snapshot": "abcd", "only": "objects", "migrates": True}),
        (["--no-migrate"], {"snapshot": "latest", "only": None, "migrates": False}),
    ],
)
def test_options_say_what_is_restored(
    restored: list[dict[str, Any]], options: list[str], meant: dict[str, Any]
) -> None:
    assert main(["restore", "--confirm", "dev", *options]) == 0
    assert restored == [meant]


@pytest.mark.parametrize("options", [[], ["--confirm", "another"]])
def test_nothing_is_restored_unasked(
    restored: list[dict[str, Any]], options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["restore", *options]) == 1
    assert restored == []
    said = "==> nothing was restored: type the stack's name when asked, or run `make restore CONFIRM=dev`\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(("typed", "code"), [("dev", 0), ("prod", 1), ("", 1), (None, 1)])
def test_at_a_terminal_the_stacks_name_is_the_answer(
    restored: list[dict[str, Any]], typed: str | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        if typed is None:
            raise EOFError
        return typed

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", answer)
    assert main(["restore", "--only", "postgres"]) == code
    assert len(restored) == 1 - code
    said = "This replaces the postgres of stack dev by that of snapshot latest; the application stops for it."
    assert asked == [f"{said} Type dev to go on: "]


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
