"""Tokens: who is answered, whose a presentation is, and how a file of tokens is changed."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.access import Tokens
from app.main import build_app
from app.model import Dependencies
from app.runtime import Runtime
from app.settings import Settings, SettingsError, load_settings

from .conftest import OUTLINE, Logged, Services

URL = "/api/v1/presentations"
ID = "00000000-0000-4000-8000-000000000000"
REQUESTS = [
    ("POST", URL),
    ("GET", URL),
    ("GET", f"{URL}/{ID}"),
    ("GET", f"{URL}/{ID}/download"),
    ("DELETE", f"{URL}/{ID}"),
]
MINE, YOURS, NEW = "mine-9fW3", "yours-7hQ1", "new-2kR8"


def entry(name: str, token: str) -> dict[str, str]:
    return {"name": name, "sha256": hashlib.sha256(token.encode()).hexdigest()}


def write(path: Path, *entries: dict[str, str]) -> None:
    """Replace the file, as whoever rotates a token does."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(entries))
    new.rename(path)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.json"
    write(path, entry("me", MINE), entry("you", YOURS))
    return path


@pytest.fixture
def guarded(
    settings: Settings, tokens: Path, services: Services, runtime: Runtime
) -> Iterator[TestClient]:
    """Return an application that wants tokens."""
    wanting = settings.model_copy(update={"api_open": False, "api_tokens_file": tokens})
    app = build_app(wanting, services.dependencies(), runtime)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.get("/health/ready")
        yield client


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def make(client: TestClient, token: str) -> dict[str, Any]:
    answer = client.post(URL, json=OUTLINE, headers=bearing(token))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.parametrize(("method", "url"), REQUESTS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {MINE}"},
        {"Authorization": MINE},
        {"X-Authorization": f"Bearer {MINE}"},
    ],
    ids=str,
)
def test_without_a_token_every_route_is_a_401_problem(
    guarded: TestClient, services: Services, method: str, url: str, headers: dict[str, str]
) -> None:
    answer = guarded.request(method, url, json=OUTLINE, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "a token is needed",
        "request_id": answer.headers["x-request-id"],
    }
    assert services.repository.calls.count("begin") + services.repository.calls.count("page") == 0


@pytest.mark.parametrize(("method", "url"), REQUESTS)
@pytest.mark.parametrize(
    "token",
    [
        "wrong",
        MINE.upper(),
        MINE[:-1],
        MINE + "x",
        entry("me", MINE)["sha256"],
        "\u00fc",
        "x" * 5000,
    ],
)
def test_a_wrong_token_is_a_401_problem_and_is_not_repeated(
    guarded: TestClient, method: str, url: str, token: str
) -> None:
    headers = {b"Authorization": b"Bearer " + token.encode("latin-1")}
    answer = guarded.request(method, url, json=OUTLINE, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.json()["detail"] == "the token is not known"
    assert token not in answer.text


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"title": 1}'])
def test_who_is_nobody_is_told_nothing_of_the_body(guarded: TestClient, body: bytes) -> None:
    answer = guarded.post(URL, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/", "/health/live", "/metrics", "/api/v1/openapi.json"])
def test_what_says_nothing_of_anybody_needs_no_token(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_what_is_made_belongs_to_the_name_of_its_token(guarded: TestClient) -> None:
    mine, yours = make(guarded, MINE), make(guarded, YOURS)

    def seen(token: str) -> list[str]:
        page = guarded.get(URL, headers=bearing(token)).json()
        return [item["id"] for item in page["items"]]

    assert (seen(MINE), seen(YOURS)) == ([mine["id"]], [yours["id"]])
    assert guarded.get(f"{URL}/{mine['id']}", headers=bearing(MINE)).json() == mine
    assert guarded.get(mine["download_url"], headers=bearing(MINE)).status_code == 200


@pytest.mark.parametrize("cached", [True, False])
def test_what_is_anothers_is_a_404_and_stays(
    guarded: TestClient, services: Services, *, cached: bool
) -> None:
    mine = make(guarded, MINE)
    url = f"{URL}/{mine['id']}"
    if not cached:
        services.cache.records.clear()
    unknown = guarded.get(f"{URL}/{ID}", headers=bearing(YOURS)).json()

    answers = [
        guarded.request(method, path, headers=bearing(YOURS))
        for method, path in (("GET", url), ("GET", f"{url}/download"), ("DELETE", url))
    ]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert [answer.json() | {"request_id": ""} for answer in answers] == [
        unknown | {"request_id": ""}
    ] * 3
    assert guarded.get(f"{url}/download", headers=bearing(MINE)).status_code == 200


def test_a_place_in_ones_list_is_no_way_into_anothers(guarded: TestClient) -> None:
    for token in (MINE, YOURS, MINE):
        make(guarded, token)
    first = guarded.get(URL, params={"limit": 1}, headers=bearing(MINE)).json()

    rest = guarded.get(URL, params={"cursor": first["next_cursor"]}, headers=bearing(YOURS)).json()
    own = guarded.get(URL, headers=bearing(YOURS)).json()

    assert rest["items"] == own["items"]


def test_a_rotation_refuses_nobody_who_changes_over_during_it(
    guarded: TestClient, tokens: Path
) -> None:
    mine = make(guarded, MINE)

    def answers() -> list[int]:
        return [
            guarded.get(f"{URL}/{mine['id']}", headers=bearing(token)).status_code
            for token in (MINE, NEW)
        ]

    before = answers()
    write(tokens, entry("me", NEW), entry("me", MINE))
    during = answers()
    write(tokens, entry("me", NEW))

    assert (before, during, answers()) == ([200, 401], [200, 200], [401, 200])


def _remove(path: Path) -> None:
    path.unlink()


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_remove, _half, _empty])
def test_a_file_that_is_being_written_changes_nothing_until_it_is_whole(
    guarded: TestClient, tokens: Path, damage: Callable[[Path], None], logged: Logged
) -> None:
    damage(tokens)

    assert guarded.get(URL, headers=bearing(MINE)).status_code == 200
    assert guarded.get(URL, headers=bearing(NEW)).status_code == 401
    assert "tokens_not_read" in [line["message"] for line in logged()]

    write(tokens, entry("me", NEW))
    assert guarded.get(URL, headers=bearing(NEW)).status_code == 200


def test_a_file_that_did_not_change_is_not_read_again(
    tokens: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Tokens(tokens)
    assert known.owner(MINE) == "me"
    monkeypatch.setattr("app.access.read_tokens", lambda _path: pytest.fail("read again"))

    assert (known.owner(YOURS), known.owner("wrong")) == ("you", None)


def test_a_change_of_the_same_size_is_seen(tokens: Path) -> None:
    known = Tokens(tokens)
    known.owner(MINE)
    written = tokens.stat().st_mtime_ns
    tokens.write_text(json.dumps([entry("me", NEW), entry("you", YOURS)]))
    os.utime(tokens, ns=(written, written + 1))

    assert known.owner(NEW) == "me"


def test_the_log_says_whose_a_request_was_and_never_the_token(
    guarded: TestClient, logged: Logged
) -> None:
    guarded.get(URL, headers=bearing(MINE))
    guarded.get(URL, headers=bearing("wrong-5tZ"))
    lines = [line for line in logged() if line["message"] == "request"]

    assert [(line["status"], line.get("owner")) for line in lines] == [(200, "me"), (401, None)]
    assert MINE not in str(lines)
    assert "wrong-5tZ" not in str(lines)


def test_the_description_says_which_routes_want_a_token(
    guarded: TestClient, client: TestClient
) -> None:
    wanted = guarded.get("/api/v1/openapi.json").json()
    open_to_all = client.get("/api/v1/openapi.json").json()

    scheme = wanted["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    operations = [operation for path in wanted["paths"].values() for operation in path.values()]
    assert len(operations) == 5
    for operation in operations:
        assert operation["security"] == [{"token": []}]
        assert "application/problem+json" in operation["responses"]["401"]["content"]
    assert "security" not in str(open_to_all).lower()


def test_without_a_word_on_access_nobody_is_served(
    settings: Settings, services: Services, runtime: Runtime
) -> None:
    app = build_app(
        settings.model_copy(update={"api_open": False}), services.dependencies(), runtime
    )
    with TestClient(app) as client:
        answer = client.get(URL, headers=bearing(MINE))

    assert answer.status_code == 503
    assert answer.json()["missing_settings"] == {"access": ["API_TOKENS_FILE"]}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '["token"]',
        '[{"name": "me"}]',
        '[{"name": "me", "sha256": "secret-in-clear"}]',
        json.dumps([entry("Me", MINE)]),
        json.dumps([entry("me", MINE) | {"token": MINE}]),
    ],
)
def test_a_file_with_a_mistake_is_refused_in_one_line_that_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, tokens: Path, content: str
) -> None:
    tokens.write_text(content)
    monkeypatch.setenv("API_TOKENS_FILE", str(tokens))

    with pytest.raises(SettingsError) as error:
        load_settings()

    assert str(error.value) == (
        f"API_TOKENS_FILE: {tokens} must be a JSON list like "
        '[{"name": "default", "sha256": "<64 hexadecimal digits>"}]'
    )


def test_a_file_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKENS_FILE", "/no/such/file")

    with pytest.raises(
        SettingsError, match=r"^API_TOKENS_FILE: cannot read /no/such/file: No such file"
    ):
        load_settings()


def test_a_stack_without_dependencies_still_asks_who_it_is(tokens: Path, runtime: Runtime) -> None:
    with TestClient(build_app(Settings(api_tokens_file=tokens), Dependencies(), runtime)) as client:
        assert client.get(URL).status_code == 401
        assert client.get(URL, headers=bearing(MINE)).status_code == 503
