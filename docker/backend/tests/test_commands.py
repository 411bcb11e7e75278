"""The command line, run as the container runs it."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app import healthcheck

BACKEND = Path(__file__).parent.parent


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=BACKEND,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_names_every_command() -> None:
    result = run("--help")

    assert result.returncode == 0
    assert all(word in result.stdout for word in ("serve", "--reload", "migrate", "health"))


def test_an_unknown_command_is_refused_with_the_known_ones() -> None:
    result = run("sevre")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("app: unknown command 'sevre'\n\nusage: ")


@pytest.mark.parametrize(
    ("command", "code", "who"), [("serve", 78, "slidegenie"), ("migrate", 1, "migrate")]
)
def test_a_wrong_environment_is_one_line_and_no_traceback(
    command: str, code: int, who: str
) -> None:
    result = run(command, WEB_WORKERS="0")

    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr == (
        f"{who}: configuration error: WEB_WORKERS: should be greater than or equal to 1; got '0'\n"
    )


def test_migrating_without_settings_names_all_of_them() -> None:
    result = run("migrate")

    assert result.returncode == 1
    assert result.stderr == (
        "migrate: configuration error: set DATABASE_HOST, REDIS_HOST, S3_ENDPOINT, "
        "S3_ACCESS_KEY_FILE, S3_SECRET_KEY_FILE\n"
    )


def test_migrating_without_a_database_gives_up_in_one_line(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        result = run(
            "migrate",
            DATABASE_HOST="127.0.0.1",
            DATABASE_PORT=str(reserved.getsockname()[1]),
            REDIS_HOST="127.0.0.1",
            S3_ENDPOINT="http://127.0.0.1:9",
            S3_ACCESS_KEY_FILE=str(secret),
            S3_SECRET_KEY_FILE=str(secret),
            MIGRATE_WAIT_SECONDS="1",
        )

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("migrate: failed: postgresql: ConnectionRefusedError")
    assert result.stderr.count("\n") == 1


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Run a server that gives one answer."""
    server = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("PORT", str(server.getsockname()[1]))

    def answer() -> None:
        with server, server.accept()[0] as connection:
            connection.recv(1000)
            connection.sendall(request.param)

    threading.Thread(target=answer, daemon=True).start()


@pytest.mark.parametrize("answering", [b"HTTP/1.1 200 OK\r\n\r\n{}"], indirect=True)
@pytest.mark.usefixtures("answering")
def test_a_healthy_server_is_0_and_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert (healthcheck.probe(), capsys.readouterr().out) == (0, "")


@pytest.mark.parametrize(
    "answering", [b'HTTP/1.1 503 No\r\n\r\n{"status":"draining"}'], indirect=True
)
@pytest.mark.usefixtures("answering")
def test_an_unhealthy_server_is_1_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert (healthcheck.probe(), capsys.readouterr().out) == (1, '{"status":"draining"}\n')


@pytest.mark.parametrize("answering", [b"", b"SSH-2.0-200 200\r\n"], indirect=True)
@pytest.mark.usefixtures("answering")
def test_an_answer_that_is_not_http_is_1() -> None:
    assert healthcheck.probe() == 1


def test_no_server_is_1_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))

        assert healthcheck.probe() == 1

    assert capsys.readouterr().out.startswith(f"no answer from 127.0.0.1:{port}: ")


def test_the_health_check_imports_nothing_but_the_standard_library() -> None:
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from app.__main__ import main\n"
        "code = main(['health'])\n"
        "modules = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(modules - set(sys.stdlib_module_names)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=BACKEND,
        env=os.environ | {"PORT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.splitlines()[-1] == "['app']"
