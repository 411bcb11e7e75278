"""What a user of the product does, over TLS."""

import io
import ssl
from typing import Any

import httpx
from pptx import Presentation

PRESENTATIONS = "/api/v1/presentations"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def trusting(url: str, token: str = "") -> httpx.Client:
    """Return a client that takes the certificate it is shown; `authority` is tested on its own."""
    return httpx.Client(base_url=url, verify=unverified(), timeout=20, headers=bearing(token))


def bearing(token: str) -> dict[str, str]:
    """Return the headers of a request that brings a token; none without one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def unverified() -> ssl.SSLContext:
    """Return a TLS context that does not check who it talks to."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def example(title: str = "Quarterly review") -> dict[str, Any]:
    """Return a small presentation as the API takes it."""
    return {
        "title": title,
        "slides": [
            {"title": "Numbers", "bullets": ["Up 4 %", "Costs flat"]},
            {"title": "Next", "bullets": ["Ship it"]},
        ],
    }


def make(client: httpx.Client, title: str = "Quarterly review") -> dict[str, Any]:
    """Make a presentation and return what the API said of it."""
    answer = client.post(PRESENTATIONS, json=example(title))
    assert answer.status_code == httpx.codes.CREATED, answer.text
    made: dict[str, Any] = answer.json()
    return made


def titles_in_download(client: httpx.Client, identity: str) -> list[str]:
    """Download a presentation, open it, and return the titles of its slides."""
    answer = client.get(f"{PRESENTATIONS}/{identity}/download")
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.headers["content-type"] == PPTX
    slides = Presentation(io.BytesIO(answer.content)).slides
    return [slide.shapes.title.text for slide in slides if slide.shapes.title is not None]
