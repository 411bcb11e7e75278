"""Dependencies that are away: a clear 503, nothing lost, nothing shown that is not whole."""

import asyncio
import contextlib
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from app.builds import Builds
from app.errors import NotFoundError, UnavailableError
from app.main import build_app
from app.model import Dependencies
from app.runtime import Runtime
from app.schemas import Outline
from app.service import PresentationService
from app.settings import Settings

from .conftest import OUTLINE, Logged, Services

URL = "/api/v1/presentations"
ID = "00000000-0000-4000-8000-000000000000"
NEEDED = {
    ("POST", URL): ["repository", "cache", "objects"],
    ("GET", URL): ["repository"],
    ("GET", f"{URL}/{ID}"): ["repository", "cache"],
    ("GET", f"{URL}/{ID}/download"): ["repository", "cache", "objects"],
    ("DELETE", f"{URL}/{ID}"): ["repository", "cache", "objects"],
}
REQUESTS = list(NEEDED)


@pytest.mark.parametrize(
    ("method", "url", "name"),
    [(*request, name) for request, names in NEEDED.items() for name in names],
)
def test_every_route_names_the_dependency_that_is_away_until_it_is_back(
    client: TestClient, services: Services, name: str, method: str, url: str
) -> None:
    dependency = getattr(services, name)
    dependency.away = True
    for _ in range(2):
        client.get("/health/ready")

    away = client.request(method, url, json=OUTLINE)
    dependency.away = False
    client.get("/health/ready")
    back = client.request(method, url, json=OUTLINE)

    assert away.status_code == 503
    assert away.headers["content-type"] == "application/problem+json"
    assert away.headers["retry-after"] == "2"
    assert away.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": f"{dependency.name} cannot be used right now; try again shortly",
        "dependencies": [dependency.name],
        "request_id": away.headers["x-request-id"],
    }
    assert back.status_code in {200, 201, 404}


@pytest.mark.parametrize(
    ("url", "names"), [(URL, ["cache", "objects"]), (f"{URL}/{ID}", ["objects"])]
)
def test_a_route_is_served_while_what_it_does_without_is_away(
    client: TestClient, services: Services, url: str, names: list[str]
) -> None:
    for name in names:
        getattr(services, name).away = True
    for _ in range(2):
        client.get("/health/ready")

    assert client.get(url).status_code in {200, 404}


def test_a_failure_nobody_has_noticed_yet_is_a_503_too(
    client: TestClient, services: Services
) -> None:
    services.repository.failing = {"page"}

    answer = client.get(URL)

    assert (answer.status_code, answer.json()["dependencies"]) == (503, ["postgresql"])


def test_one_slow_check_does_not_turn_requests_away(client: TestClient, services: Services) -> None:
    services.cache.failing = {"check"}
    client.get("/health/ready")

    assert client.get(URL).status_code == 200


@pytest.mark.parametrize(
    ("service", "call", "states", "files"),
    [
        ("cache", "check", [], 0),
        ("repository", "begin", [], 0),
        ("objects", "put", ["pending"], 0),
        ("repository", "complete", ["pending"], 1),
    ],
)
def test_a_creation_that_fails_half_way_is_never_shown(
    client: TestClient, services: Services, service: str, call: str, states: list[str], files: int
) -> None:
    getattr(services, service).failing = {call}

    answer = client.post(URL, json=OUTLINE)

    assert answer.status_code == 503
    assert services.repository.states() == states
    assert len(services.objects.files) == files
    assert client.get(URL).json()["items"] == []


def test_a_cache_that_fails_after_the_commit_does_not_spoil_the_creation(
    client: TestClient, services: Services
) -> None:
    services.cache.failing = {"put"}

    answer = client.post(URL, json=OUTLINE)

    assert answer.status_code == 201
    assert services.repository.states() == ["ready"]


@pytest.mark.parametrize(
    ("service", "call", "shown_after"),
    [
        ("cache", "announce_removal", 200),
        ("repository", "begin_removal", 200),
        ("objects", "delete", 404),
        ("repository", "remove", 404),
    ],
)
def test_a_removal_that_fails_half_way_can_be_repeated(
    client: TestClient, services: Services, service: str, call: str, shown_after: int
) -> None:
    created = client.post(URL, json=OUTLINE).json()
    url = f"{URL}/{created['id']}"
    getattr(services, service).failing = {call}

    first = client.delete(url)
    getattr(services, service).failing = set()
    shown = client.get(url)
    second = client.delete(url)

    assert (first.status_code, shown.status_code, second.status_code) == (503, shown_after, 204)
    assert (services.repository.rows, services.objects.files) == ({}, {})


def test_a_download_that_breaks_off_is_recognisably_incomplete(
    client: TestClient, services: Services, logged: Logged
) -> None:
    created = client.post(URL, json=OUTLINE).json()
    services.objects.failing = {"read on"}

    answer = client.get(created["download_url"])

    assert answer.headers["content-length"] == str(created["size_bytes"])
    assert len(answer.content) < created["size_bytes"]
    assert [line["message"] for line in logged()] == ["request", "download_cut_off", "request"]


def test_an_unexpected_error_is_a_500_problem_without_its_inside(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(services.repository, "page", broken)

    answer = client.get(URL)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "something went wrong on our side",
        "request_id": answer.headers["x-request-id"],
    }


@pytest.mark.parametrize(("method", "url"), REQUESTS)
def test_without_settings_every_route_says_which_are_missing(
    runtime: Runtime, method: str, url: str
) -> None:
    with TestClient(build_app(Settings(api_open=True), Dependencies(), runtime)) as client:
        answer = client.request(method, url, json=OUTLINE)

    assert answer.status_code == 503
    assert answer.json()["dependencies"] == ["postgresql", "redis", "s3"]
    assert answer.json()["missing_settings"] == {
        "postgresql": ["DATABASE_HOST"],
        "redis": ["REDIS_HOST"],
        "s3": ["S3_ENDPOINT", "S3_ACCESS_KEY_FILE", "S3_SECRET_KEY_FILE"],
    }


@pytest.fixture
def service(services: Services) -> Iterator[PresentationService]:
    builds = Builds(queue=16)
    yield PresentationService(
        services.repository, services.cache, services.objects, builds, quota_bytes=1_000_000
    )
    builds.close()


def test_leftovers_lose_their_file_and_then_their_record(
    services: Services, service: PresentationService
) -> None:
    outline = Outline.model_validate(OUTLINE)

    async def scenario() -> int:
        services.repository.failing = {"complete"}
        with contextlib.suppress(UnavailableError):
            await service.create(outline, "me")
        services.repository.failing = set()
        services.repository.abandoned = set(services.repository.rows)
        return await service.remove_leftovers()

    assert asyncio.run(scenario()) == 1
    assert (services.repository.rows, services.objects.files) == ({}, {})


def test_a_leftover_whose_file_cannot_be_deleted_keeps_its_record(
    services: Services, service: PresentationService
) -> None:
    async def scenario() -> UUID:
        created = await service.create(Outline.model_validate(OUTLINE), "me")
        services.repository.abandoned = {created.id}
        services.objects.failing = {"delete"}
        with pytest.raises(UnavailableError):
            await service.remove_leftovers()
        return created.id

    assert asyncio.run(scenario()) in services.repository.rows


def test_the_event_loop_stays_free_while_a_file_is_built(
    service: PresentationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> bool:
        loop = asyncio.get_running_loop()
        built = asyncio.Event()

        def build(*_: object) -> bytes:
            # Ends only once the loop has run something else.
            asyncio.run_coroutine_threadsafe(_set(built), loop).result(timeout=5)
            return b"content"

        monkeypatch.setattr("app.service.build_file", build)
        await service.create(Outline.model_validate(OUTLINE), "me")
        return built.is_set()

    assert asyncio.run(scenario())


async def _set(event: asyncio.Event) -> None:
    event.set()


def test_deleting_what_is_unknown_is_not_found(service: PresentationService) -> None:
    with pytest.raises(NotFoundError):
        asyncio.run(service.delete(uuid4(), "me"))
