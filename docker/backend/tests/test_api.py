"""The five routes, each at its best and at its worst."""

import hashlib
import io
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pptx
import pytest
from starlette.testclient import TestClient

from app.api import content_disposition, decode_cursor, encode_cursor
from app.errors import InvalidCursorError
from app.model import Position

from .conftest import OUTLINE, Services

URL = "/api/v1/presentations"
UNKNOWN = f"{URL}/00000000-0000-4000-8000-000000000000"


def test_creating_answers_201_with_where_and_what_it_is(
    client: TestClient, services: Services
) -> None:
    answer = client.post(URL, json=OUTLINE)

    assert answer.status_code == 201
    body = answer.json()
    content = services.objects.files[f"presentations/{body['id']}.pptx"]
    created_at = body.pop("created_at")
    assert datetime.fromisoformat(created_at).tzinfo == UTC
    assert answer.headers["location"] == f"{URL}/{body['id']}"
    assert body == {
        "id": body["id"],
        "title": "Quarterly review",
        "subtitle": "Q3",
        "slide_count": 3,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "download_url": f"{URL}/{body['id']}/download",
    }


def test_what_is_created_can_be_shown_downloaded_and_opened(client: TestClient) -> None:
    created = client.post(URL, json=OUTLINE).json()

    shown = client.get(f"{URL}/{created['id']}")
    file = client.get(created["download_url"])

    assert (shown.status_code, shown.json()) == (200, created)
    assert file.status_code == 200
    assert file.headers["content-type"] == (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    )
    assert file.headers["content-length"] == str(created["size_bytes"])
    assert file.headers["content-disposition"] == (
        "attachment; filename=\"Quarterly review.pptx\"; filename*=UTF-8''Quarterly%20review.pptx"
    )
    assert hashlib.sha256(file.content).hexdigest() == created["sha256"]
    assert len(pptx.Presentation(io.BytesIO(file.content)).slides) == 3


def test_a_record_is_read_from_the_cache_the_second_time(
    client: TestClient, services: Services
) -> None:
    created = client.post(URL, json=OUTLINE).json()
    services.cache.records.clear()

    client.get(f"{URL}/{created['id']}")
    client.get(f"{URL}/{created['id']}")

    assert services.repository.calls.count("get") == 1


def test_deleting_removes_record_file_and_cached_copy(
    client: TestClient, services: Services
) -> None:
    created = client.post(URL, json=OUTLINE).json()

    answer = client.delete(f"{URL}/{created['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert services.repository.rows == {}
    assert services.objects.files == {}
    assert services.cache.records == {UUID(created["id"]): None}
    assert client.get(f"{URL}/{created['id']}").status_code == 404


@pytest.mark.parametrize(
    ("method", "url"), [("GET", UNKNOWN), ("GET", f"{UNKNOWN}/download"), ("DELETE", UNKNOWN)]
)
def test_what_does_not_exist_is_a_404_problem(client: TestClient, method: str, url: str) -> None:
    answer = client.request(method, url)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no such presentation",
        "request_id": answer.headers["x-request-id"],
    }


def test_pages_show_everything_once_newest_first(client: TestClient) -> None:
    created = [client.post(URL, json=OUTLINE).json()["id"] for _ in range(5)]

    seen: list[str] = []
    sizes: list[int] = []
    cursor = None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = client.get(URL, params=query).json()
        sizes.append(len(page["items"]))
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sizes == [2, 2, 1]
    assert seen == created[::-1]


def test_a_presentation_made_while_paging_does_not_shift_the_next_page(client: TestClient) -> None:
    created = [client.post(URL, json=OUTLINE).json()["id"] for _ in range(2)]
    first = client.get(URL, params={"limit": 1}).json()
    client.post(URL, json=OUTLINE)

    second = client.get(URL, params={"limit": 1, "cursor": first["next_cursor"]}).json()

    assert [item["id"] for item in second["items"]] == [created[0]]


def test_an_empty_list_is_a_page_without_a_next(client: TestClient) -> None:
    assert client.get(URL).json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "not base64!",
        "é",
        "bm90aGluZw",
        # A time without a zone, as nobody but a forger would send.
        "MjAyNi0wMS0wMVQwMDowMDowMHwwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA",
        # Times without one in UTC: before the first year, and after the last.
        "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMHwwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA",
        "OTk5OS0xMi0zMVQyMzo1OTo1OS0xNDowMHwwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA",
    ],
)
def test_a_cursor_of_ones_own_making_is_a_422_problem(client: TestClient, cursor: str) -> None:
    answer = client.get(URL, params={"cursor": cursor})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"location": "query/cursor", "message": "must be a next_cursor of this API"}
    ]
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor)


def test_a_cursor_survives_the_round_trip() -> None:
    position = Position(datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), uuid4())

    assert decode_cursor(encode_cursor(position)) == position


@pytest.mark.parametrize(
    ("title", "header"),
    [
        ("Plan", "attachment; filename=\"Plan.pptx\"; filename*=UTF-8''Plan.pptx"),
        (
            'a"; filename="evil.exe',
            'attachment; filename="a _ filename_ evil.exe.pptx"; '
            "filename*=UTF-8''a%20%3B%20filename%3D%20evil.exe.pptx",
        ),
        (
            "../../etc/passwd",
            "attachment; filename=\"etc passwd.pptx\"; filename*=UTF-8''etc%20passwd.pptx",
        ),
        ("Grüße", "attachment; filename=\"Gr_e.pptx\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pptx"),
        ("a\r\nSet-Cookie: x", None),
        ("...", "attachment; filename=\"presentation.pptx\"; filename*=UTF-8''presentation.pptx"),
    ],
)
def test_a_title_never_leaves_the_quotes_of_its_header(title: str, header: str | None) -> None:
    result = content_disposition(title)

    assert result.isascii()
    assert "\r" not in result
    assert "\n" not in result
    assert result.count('"') == 2
    if header:
        assert result == header


def test_the_index_says_where_the_api_is_described(client: TestClient) -> None:
    index = client.get("/")
    document = client.get(index.json()["api"]).json()

    assert list(document["paths"]) == [
        URL,
        f"{URL}/{{presentation_id}}",
        f"{URL}/{{presentation_id}}/download",
    ]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/api/v1/presentations/"])
def test_pages_from_elsewhere_and_redirects_are_off(client: TestClient, path: str) -> None:
    assert client.get(path, follow_redirects=False).status_code == 404
