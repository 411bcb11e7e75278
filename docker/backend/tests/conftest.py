"""An application on fakes, in an environment that says nothing."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pytest
from starlette.testclient import TestClient

from app.logs import configure_logging
from app.main import build_app
from app.model import Dependencies
from app.runtime import Runtime
from app.settings import LogLevel, Settings

from .fakes import FakeCache, FakeObjects, FakeRepository

OUTLINE: dict[str, Any] = {
    "title": "Quarterly review",
    "subtitle": "Q3",
    "slides": [
        {"title": "Numbers", "bullets": ["Up", "Further up"], "notes": "Smile."},
        {"title": "Questions"},
    ],
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session", autouse=True)
def json_handler() -> logging.StreamHandler[TextIO]:
    """Configure before the first use, as the server does: loggers remember what they found then."""
    handlers = logging.root.handlers[:]
    configure_logging(LogLevel.INFO, "1.2.3")
    [handler] = logging.root.handlers
    # Back to those of pytest; `logged` puts ours where it is wanted.
    logging.root.handlers[:] = handlers
    assert isinstance(handler, logging.StreamHandler)
    return handler


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    return Settings(
        database_host="db",
        redis_host="redis",
        s3_endpoint="http://s3:9000",
        s3_access_key_file=secret,
        s3_secret_key_file=secret,
        release="1.2.3",
        api_open=True,
    )


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    directory = tmp_path / "runtime"
    directory.mkdir()
    made = Runtime(directory)
    made.expect(workers=1)
    return made


Logged = Callable[[], list[dict[str, Any]]]


@dataclass
class Services:
    """The fakes of one test."""

    repository: FakeRepository
    cache: FakeCache
    objects: FakeObjects

    def dependencies(self) -> Dependencies:
        return Dependencies(self.repository, self.cache, self.objects)


@pytest.fixture
def services() -> Services:
    return Services(FakeRepository(), FakeCache(), FakeObjects())


@pytest.fixture
def client(settings: Settings, services: Services, runtime: Runtime) -> Iterator[TestClient]:
    app = build_app(settings, services.dependencies(), runtime)
    with TestClient(app, raise_server_exceptions=False) as client:
        # The first check of all dependencies is under way; this one surely ends after it.
        client.get("/health/ready")
        yield client


@pytest.fixture
def logged(json_handler: logging.StreamHandler[TextIO]) -> Iterator[Logged]:
    """Return what was logged since the last call; every line of it must be JSON."""
    logger = logging.getLogger("app")
    logger.addHandler(json_handler)

    def new_lines() -> list[dict[str, Any]]:
        written = json_handler.setStream(io.StringIO())
        assert isinstance(written, io.StringIO)
        return [json.loads(line) for line in written.getvalue().splitlines()]

    json_handler.setStream(io.StringIO())
    yield new_lines
    logger.removeHandler(json_handler)
