"""What one client may take: a place in the queue of builds, and bytes in the bucket."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from app.builds import Builds
from app.errors import BusyError
from app.main import build_app
from app.model import Presentation
from app.runtime import Runtime
from app.schemas import Outline
from app.service import PresentationService
from app.settings import Settings

from .conftest import OUTLINE, Services

URL = "/api/v1/presentations"


@pytest.fixture
def builds() -> Iterator[Builds]:
    made = Builds(queue=2)
    yield made
    made.close()


def test_what_is_more_than_may_wait_is_refused_at_once_and_the_rest_is_built(
    builds: Builds,
) -> None:
    release = threading.Event()

    def build() -> bytes:
        assert release.wait(30)
        return b"content"

    async def scenario() -> tuple[list[bytes], bytes]:
        # One that is built, and two that wait.
        accepted = [asyncio.create_task(builds.run(build)) for _ in range(3)]
        await asyncio.sleep(0)
        for _ in range(5):
            with pytest.raises(BusyError):
                await builds.run(build)
        release.set()
        built = await asyncio.gather(*accepted)
        return built, await builds.run(build)

    assert asyncio.run(scenario()) == ([b"content"] * 3, b"content")


def test_a_build_that_fails_gives_its_place_back(builds: Builds) -> None:
    def fail() -> bytes:
        raise RuntimeError("no")

    async def scenario() -> bytes:
        for _ in range(4):
            with pytest.raises(RuntimeError):
                await builds.run(fail)
        return await builds.run(lambda: b"content")

    assert asyncio.run(scenario()) == b"content"


def test_a_full_queue_is_a_503_problem_that_is_counted_and_nothing_is_noted(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> bytes:
        await asyncio.sleep(0)
        raise BusyError

    counter = 'slidegenie_failures_total{operation="create_presentation",reason="busy"}'

    def counted() -> float:
        lines = client.get("/metrics").text.splitlines()
        return float(next(line for line in lines if line.startswith(counter)).split()[-1])

    before = counted()
    monkeypatch.setattr(Builds, "run", busy)
    answer = client.post(URL, json=OUTLINE)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "too many presentations wait to be built; try again shortly"
    assert counted() == before + 1
    assert services.repository.rows == {}


def test_an_owner_stores_up_to_the_quota_and_again_once_something_is_deleted(
    settings: Settings, services: Services, runtime: Runtime
) -> None:
    app = build_app(
        settings.model_copy(update={"api_quota_mib": 1}), services.dependencies(), runtime
    )
    with TestClient(app) as client:
        client.get("/health/ready")
        answers = [client.post(URL, json=OUTLINE) for _ in range(60)]
        refused = [answer for answer in answers if answer.status_code != 201]
        stored = sum(len(file) for file in services.objects.files.values())
        removed = client.delete(f"{URL}/{answers[0].json()['id']}")
        again = client.post(URL, json=OUTLINE)

    assert answers[0].status_code == 201
    assert {answer.status_code for answer in refused} == {507}
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert refused[0].json()["detail"] == (
        "your presentations may take 1048576 bytes, and with this one would take more; delete some"
    )
    assert 1024 * 1024 * 0.9 < stored <= 1024 * 1024
    assert len(services.repository.rows) == len(services.objects.files)
    assert (removed.status_code, again.status_code) == (204, 201)


def test_a_quota_is_each_owners_own(services: Services, builds: Builds) -> None:
    service = PresentationService(
        services.repository, services.cache, services.objects, builds, quota_bytes=50_000
    )
    outline = Outline.model_validate(OUTLINE)

    async def scenario() -> list[Presentation]:
        return [await service.create(outline, owner) for owner in ("me", "you")]

    assert [made.owner for made in asyncio.run(scenario())] == ["me", "you"]
