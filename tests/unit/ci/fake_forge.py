"""A forge's interface as far as a comment needs it, with the store that its artifacts are in."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

HEAD, BASE = "a" * 40, "b" * 40
RUN = 7
TOKEN = "token-of-the-privileged-half"
_OURS, _FORK = {"id": 1, "owner": {"login": "acme"}}, {"id": 2, "owner": {"login": "mallory"}}


class FakeForge:
    """One repository with one pull request, from a fork; what is asked of it is noted."""

    def __init__(self, forge: HTTPServer, store: HTTPServer) -> None:
        self.url, self._store = forge.url_for("/api"), store.url_for("/blob")
        self.pulls = [pull(42)]
        self.comments: dict[int, list[dict[str, Any]]] = {}
        """By the number of the pull request."""
        self.artifacts: dict[str, bytes] = {}
        self.asked: list[str] = []
        """Method and path of each request."""
        self.told_the_store: list[str | None] = []
        """The `Authorization` that the store was sent."""
        forge.expect_request(re.compile("/api/.*")).respond_with_handler(self._answer)
        store.expect_request(re.compile("/blob/.*")).respond_with_handler(self._blob)

    def bodies(self, number: int = 42) -> list[str]:
        """Return the comments below a pull request."""
        return [str(comment["body"]) for comment in self.comments.get(number, [])]

    def add_comment(self, author: str, body: str, number: int = 42) -> None:
        """Have somebody comment."""
        listed = self.comments.setdefault(number, [])
        listed.append({"id": 100 * number + len(listed), "user": {"login": author}, "body": body})

    def _answer(self, request: Request) -> Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        path = request.path.removeprefix("/api/repos/acme/shop/")
        self.asked.append(f"{request.method} {path}")
        if path == "pulls":
            assert request.args["state"] == "open"
            return _json([p for p in self.pulls if p["head"]["label"] == request.args["head"]])
        if path == f"actions/runs/{RUN}/artifacts":
            name = request.args["name"]
            return _json({"artifacts": [{"id": i, "name": name} for i in (3, 5) if name in self.artifacts]})
        if path == "actions/artifacts/5/zip":
            return Response(status=302, headers={"Location": f"{self._store}/artifact"})
        if found := re.fullmatch(r"issues/(\d+)/comments", path):
            return self._comments(request, int(found[1]))
        if (found := re.fullmatch(r"issues/comments/(\d+)", path)) and request.method == "PATCH":
            (comment,) = [c for listed in self.comments.values() for c in listed if c["id"] == int(found[1])]
            comment["body"] = request.get_json()["body"]
            return _json(comment)
        return Response("no such path", status=404)

    def _comments(self, request: Request, number: int) -> Response:
        if request.method == "POST":
            self.add_comment("github-actions[bot]", request.get_json()["body"], number)
            return _json(self.comments[number][-1])
        size = int(request.args["per_page"])
        first = size * (int(request.args["page"]) - 1)
        return _json(self.comments.get(number, [])[first : first + size])

    def _blob(self, request: Request) -> Response:
        self.told_the_store.append(request.headers.get("Authorization"))
        (content,) = self.artifacts.values()
        return Response(content)


def pull(number: int, *, head: str = HEAD, fork: bool = True) -> dict[str, Any]:
    """Return a pull request as the forge lists it."""
    repository = _FORK if fork else _OURS
    label = f"{repository['owner']['login']}:topic"  # type: ignore[index]
    sides = {"head": {"sha": head, "repo": repository, "label": label}, "base": {"sha": BASE, "repo": _OURS}}
    return {"number": number, **sides}


def event(name: str = "diff", *, fork: bool = True, **more: Any) -> dict[str, Any]:
    """Return the event by which the privileged half is started."""
    run = {
        "id": RUN,
        "name": name,
        "event": "pull_request",
        "conclusion": "success",
        "head_sha": HEAD,
        "head_branch": "topic",
        "head_repository": _FORK if fork else _OURS,
        "repository": _OURS,
        # What the forge says of a fork's run.
        "pull_requests": [],
    }
    return {"action": "completed", "workflow_run": run | more}


def packed(**files: bytes | str) -> bytes:
    """Return an artifact; `diff="..."` is its file `diff.txt`."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packing:
        for name, content in files.items():
            packing.writestr(f"{name}.txt", content)
    return archive.getvalue()


def environment(forge: FakeForge, folder: Path, of: dict[str, Any]) -> dict[str, str]:
    """Return the variables that the runner gives to a step."""
    file = folder / "event.json"
    file.write_text(json.dumps(of), encoding="utf-8")
    return {
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_API_URL": forge.url,
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_TOKEN": TOKEN,
    }


def _json(value: object) -> Response:
    return Response(json.dumps(value), content_type="application/json")
