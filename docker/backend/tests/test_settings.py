"""What the environment may say, and how a mistake in it reads."""

from pathlib import Path

import pytest

from app.runtime import Runtime
from app.settings import LogLevel, Settings, SettingsError, SslMode, load_settings, read_secret


def test_an_empty_environment_means_the_defaults() -> None:
    settings = load_settings()

    assert (settings.database_port, settings.redis_port, settings.port) == (5432, 6379, 8000)
    assert (settings.database_name, settings.database_user) == ("slidegenie", "slidegenie")
    assert (settings.redis_user, settings.s3_bucket) == ("slidegenie", "slidegenie")
    assert (settings.s3_region, settings.database_sslmode) == ("us-east-1", SslMode.PREFER)
    assert (settings.web_workers, settings.drain_seconds, settings.shutdown_seconds) == (2, 5, 20)
    assert (settings.log_level, settings.forwarded_allow_ips) == (LogLevel.INFO, "127.0.0.1")
    assert settings.runtime_dir == Path("/run/app")


def test_a_variable_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_WORKERS", "")
    monkeypatch.setenv("DATABASE_HOST", "")

    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "WEB_WORKERS",
            "many",
            "WEB_WORKERS: should be a valid integer, unable to parse string as an integer; "
            "got 'many'",
        ),
        ("WEB_WORKERS", "0", "WEB_WORKERS: should be greater than or equal to 1; got '0'"),
        (
            "DATABASE_PORT",
            "70000",
            "DATABASE_PORT: should be less than or equal to 65535; got '70000'",
        ),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL: should be 'debug', 'info', 'warning' or 'error'; got 'loud'",
        ),
        (
            "DATABASE_PASSWORD_FILE",
            "/no/such/file",
            "DATABASE_PASSWORD_FILE: cannot read /no/such/file: No such file or directory",
        ),
        (
            "DATABASE_SSLROOTCERT",
            "/no/such/file",
            "DATABASE_SSLROOTCERT: no certificates in /no/such/file: No such file or directory",
        ),
        (
            "S3_ENDPOINT",
            "minio:9000",
            "S3_ENDPOINT: must be a scheme, a host and a port, like http://minio:9000; "
            "got 'minio:9000'",
        ),
        (
            "S3_ENDPOINT",
            "http://minio:9000",
            "S3_ENDPOINT needs S3_ACCESS_KEY_FILE and S3_SECRET_KEY_FILE",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as error:
        load_settings()

    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_all_mistakes_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "x")
    monkeypatch.setenv("DATABASE_PORT", "y")

    with pytest.raises(SettingsError, match=r"^DATABASE_PORT: .*; REDIS_PORT: "):
        load_settings()


def test_an_empty_secret_is_a_mistake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("\n")
    monkeypatch.setenv("REDIS_PASSWORD_FILE", str(secret))

    with pytest.raises(
        SettingsError, match=r"^REDIS_PASSWORD_FILE: cannot read \S+: the file is empty$"
    ):
        load_settings()


@pytest.mark.parametrize(
    ("content", "secret"),
    [("a b", "a b"), ("a b\n", "a b"), ("a b\r\n", "a b"), (" a b \n", " a b "), ("ü", "ü")],
)
def test_only_the_newline_at_its_end_is_not_part_of_a_secret(
    tmp_path: Path, content: str, secret: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content.encode())

    assert read_secret(file) == secret


def test_what_is_missing_is_listed_by_dependency(settings: Settings) -> None:
    assert settings.missing() == {}
    assert Settings(database_host="db").missing() == {
        "redis": ["REDIS_HOST"],
        "s3": ["S3_ENDPOINT", "S3_ACCESS_KEY_FILE", "S3_SECRET_KEY_FILE"],
    }


def test_a_container_without_a_writable_place_says_what_to_mount(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def read_only(prefix: str) -> str:
        raise FileNotFoundError(prefix)

    monkeypatch.setattr("tempfile.mkdtemp", read_only)
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"^RUNTIME_DIR: neither \S+ nor a temporary .* tmpfs"):
        Runtime.create(tmp_path / "file" / "below", workers=1)
