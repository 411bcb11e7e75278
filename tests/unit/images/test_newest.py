"""What `make up NEWEST=1` makes anew: what came from an image whose name means another one now."""

from pathlib import Path

import pytest

from slidegenie.maintenance.images import ImageRecord
from slidegenie.pulumi.state import StackState
from slidegenie.rollout import newer as newest
from slidegenie.rollout.newer import moved_images

from ..planned import BUILD, REMOTE_IMAGE

_REDIS = {
    "urn": "urn::redis",
    "type": REMOTE_IMAGE,
    "inputs": {"name": "redis:8"},
    "outputs": {"imageId": "sha256:redis"},
}
_APP = {"urn": "urn::app", "type": BUILD, "inputs": {"buildArgs": {"PYTHON_IMAGE": "python:3", "VERSION": "1"}}}


@pytest.fixture(autouse=True)
def there(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the engine has, by name."""
    images = {"redis:8": "sha256:redis", "python:3": "sha256:python"}
    monkeypatch.setattr(newest, "image_id", lambda name: images.get(name, ""))
    return images


@pytest.fixture
def record(tmp_path: Path) -> ImageRecord:
    made = ImageRecord(tmp_path / "record.json")
    made.note_build("app", "sha256:app", {"python:3": "sha256:python"}, anew=False)
    return made


def test_a_name_that_moved_is_found_where_it_was_pulled_and_where_it_was_built_on(
    record: ImageRecord, there: dict[str, str]
) -> None:
    state = StackState((_REDIS, _APP, _REDIS | {"urn": "urn::old", "delete": True}))
    assert moved_images(state, record) == {}
    there |= {"redis:8": "sha256:newer", "python:3": "sha256:newer"}
    assert moved_images(state, record) == {"urn::redis": "redis:8", "urn::app": "python:3"}


def test_what_is_not_there_or_not_on_record_is_no_newer_one(record: ImageRecord, there: dict[str, str]) -> None:
    there.clear()
    assert "urn::redis" not in moved_images(StackState((_REDIS,)), record)
    there["python:3"] = "sha256:newer"
    assert moved_images(StackState((_APP | {"urn": "urn::other"},)), record) == {}


def test_a_build_stands_on_what_was_there_when_it_was_made(record: ImageRecord, there: dict[str, str]) -> None:
    there["python:3"] = "sha256:newer"
    bases = {"python:3": there["python:3"]}
    record.note_build("app", "sha256:app", bases, anew=False)
    assert moved_images(StackState((_APP,)), record), "the same image as before: nobody built"
    record.note_build("app", "sha256:app", bases, anew=True)
    assert moved_images(StackState((_APP,)), record) == {}
