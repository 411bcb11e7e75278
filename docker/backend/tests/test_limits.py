"""What is refused, and that it is refused politely."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.schemas import MAX_BODY_BYTES

from .conftest import OUTLINE, Services

URL = "/api/v1/presentations"


def slide(**fields: Any) -> dict[str, Any]:
    return OUTLINE | {"slides": [{"title": "t"} | fields]}


@pytest.mark.parametrize(
    "outline",
    [
        OUTLINE | {"title": "x" * 200},
        OUTLINE | {"subtitle": "x" * 300},
        OUTLINE | {"subtitle": None},
        OUTLINE | {"slides": [{"title": "t"}] * 100},
        slide(bullets=["x"] * 20),
        slide(bullets=["x" * 500]),
        slide(notes="x" * 5000),
        slide(notes="line\n\ttabbed\r\n"),
        slide(title="emoji \U0001f600, العربية, \ufffd"),
    ],
)
def test_the_largest_that_is_allowed_is_made(client: TestClient, outline: dict[str, Any]) -> None:
    assert client.post(URL, json=outline).status_code == 201


@pytest.mark.parametrize(
    ("outline", "location"),
    [
        (OUTLINE | {"title": "x" * 201}, "body/title"),
        (OUTLINE | {"title": "  "}, "body/title"),
        (OUTLINE | {"subtitle": "x" * 301}, "body/subtitle"),
        (OUTLINE | {"slides": []}, "body/slides"),
        (OUTLINE | {"slides": [{"title": "t"}] * 101}, "body/slides"),
        (OUTLINE | {"surprise": 1}, "body/surprise"),
        (slide(surprise=1), "body/slides/0/surprise"),
        (slide(bullets=["x"] * 21), "body/slides/0/bullets"),
        (slide(bullets=["ok", "x" * 501]), "body/slides/0/bullets/1"),
        (slide(bullets=[""]), "body/slides/0/bullets/0"),
        (slide(bullets=[1]), "body/slides/0/bullets/0"),
        (slide(notes="x" * 5001), "body/slides/0/notes"),
        ({"slides": [{"title": "t"}]}, "body/title"),
        ([], "body"),
    ],
)
def test_anything_beyond_is_a_422_problem_that_says_where(
    client: TestClient, services: Services, outline: object, location: str
) -> None:
    answer = client.post(URL, json=outline)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["location"] for error in answer.json()["errors"]] == [location]
    assert services.repository.rows == {}


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x1b", "\ufffe", "\uffff"])
@pytest.mark.parametrize("field", ["title", "subtitle"])
def test_a_character_that_xml_cannot_hold_is_named(
    client: TestClient, field: str, character: str
) -> None:
    answer = client.post(URL, json=OUTLINE | {field: f"a{character}b"})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "location": f"body/{field}",
            "message": "must hold only characters a presentation can store; "
            f"got U+{ord(character):04X} at position 1",
        }
    ]


@pytest.mark.parametrize("where", ["bullets", "notes"])
def test_such_a_character_is_found_in_slides_too(client: TestClient, where: str) -> None:
    value = ["\x01"] if where == "bullets" else "\x01"

    assert client.post(URL, json=slide(**{where: value})).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": "\\ud800", "slides": [{"title": "t"}]}',
        b'{"title": "t", "slides": [{"title": "t"}], "\\ud800": 1}',
        b'{"title": "t", "slides": [{"title": "t"}], "n": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"title": ',
        b"\xff\xfe",
        b"",
    ],
    ids=["surrogate", "surrogate field", "long number", "deep", "cut", "not text", "empty"],
)
def test_no_body_however_odd_is_an_internal_error(client: TestClient, body: bytes) -> None:
    answer = client.post(URL, content=body, headers={"content-type": "application/json"})

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code


def test_many_errors_are_cut_off(client: TestClient) -> None:
    answer = client.post(URL, json=OUTLINE | {"slides": [{}] * 100})

    assert len(answer.json()["errors"]) == 20


def padded(size: int) -> bytes:
    body = json.dumps(OUTLINE).encode()
    return body + b" " * (size - len(body))


def test_a_body_of_exactly_the_limit_is_accepted(client: TestClient) -> None:
    answer = client.post(
        URL, content=padded(MAX_BODY_BYTES), headers={"content-type": "application/json"}
    )

    assert answer.status_code == 201


def test_a_body_announced_too_large_is_413_and_closes_the_connection(client: TestClient) -> None:
    answer = client.post(
        URL, content=padded(MAX_BODY_BYTES + 1), headers={"content-type": "application/json"}
    )

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert answer.json()["detail"] == "the request body must be at most 1048576 bytes"


def test_a_body_too_large_without_a_word_is_413_too(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        yield padded(MAX_BODY_BYTES)
        yield b" "

    answer = client.post(URL, content=chunks(), headers={"content-type": "application/json"})

    assert answer.status_code == 413
    assert answer.json()["detail"] == "the request body must be at most 1048576 bytes"


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=" + "x" * 201])
def test_a_page_that_is_out_of_bounds_is_a_422_problem(client: TestClient, query: str) -> None:
    answer = client.get(f"{URL}?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "query/" + query.partition("=")[0]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "BREW"])
def test_a_method_there_is_not_is_a_405_problem(client: TestClient, method: str) -> None:
    answer = client.request(method, URL)

    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
