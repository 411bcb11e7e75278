"""An `up` builds what changed, and nothing else: a build of unchanged sources may still give another image."""

import os
from pathlib import Path

import pytest

from slidegenie.compose import builds as compose_builds
from slidegenie.compose.builds import ComposeBuilds

TEXT = """
services:
  app: {image: "shop/app:1", build: {context: ./app, target: production}}
  migrate: {image: "shop/app:1", build: {context: ./app, target: production}}
  seed: {image: "shop/seed:1", build: {context: ./seed}}
  redis: {image: "redis:7"}
"""


@pytest.fixture(autouse=True)
def images(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the engine has, by name."""
    there = {"shop/app:1": "sha256:a", "shop/seed:1": "sha256:b"}
    monkeypatch.setattr(compose_builds, "image_id", lambda image: there.get(image, ""))
    return there


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("app", "seed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def builds(root: Path, text: str = TEXT) -> ComposeBuilds:
    return ComposeBuilds(text, root, root / "built.json")


def build_all(root: Path) -> None:
    first = builds(root)
    first.due()
    first.done()


def test_each_image_is_built_once_however_many_services_run_it(root: Path) -> None:
    assert builds(root).due() == ["migrate", "seed"]


def test_what_was_built_from_the_same_sources_is_not_built_again(root: Path) -> None:
    build_all(root)
    assert builds(root).due() == []


def test_an_edit_builds_that_image(root: Path) -> None:
    build_all(root)
    (root / "app" / "main.py").write_text("print(1)\n")
    assert builds(root).due() == ["migrate"]


def test_a_change_that_keeps_the_size_is_seen_by_its_time(root: Path) -> None:
    build_all(root)
    os.utime(root / "seed" / "Dockerfile", ns=(1, 1))
    assert builds(root).due() == ["seed"]


def test_other_build_settings_build_that_image(root: Path) -> None:
    build_all(root)
    assert builds(root, TEXT.replace("production", "minimal")).due() == ["migrate"]


def test_an_image_that_somebody_removed_or_built_differently_is_built(root: Path, images: dict[str, str]) -> None:
    build_all(root)
    del images["shop/seed:1"]
    images["shop/app:1"] = "sha256:other"
    assert builds(root).due() == ["migrate", "seed"]


def test_what_is_edited_while_it_builds_is_built_the_next_time(root: Path) -> None:
    first = builds(root)
    assert first.due() == ["migrate", "seed"]
    (root / "app" / "late.py").write_text("print(2)\n")
    first.done()
    assert builds(root).due() == ["migrate"]


def test_what_no_image_ever_holds_is_no_reason_to_build(root: Path) -> None:
    build_all(root)
    (root / "app" / "__pycache__").mkdir()
    (root / "app" / "__pycache__" / "main.pyc").write_bytes(b"x")
    assert builds(root).due() == []


def test_a_newer_base_is_built_upon(root: Path, images: dict[str, str]) -> None:
    text = TEXT.replace("target: production}", "target: production, args: {PYTHON_IMAGE: python:3.11}}")
    images["python:3.11"] = "sha256:old"
    builds(root, text).done()
    assert builds(root, text).due() == []
    images["python:3.11"] = "sha256:new"
    assert builds(root, text).due() == ["migrate"]
