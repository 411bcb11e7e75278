"""`make clean`: what it asks the engine, and what it leaves."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.settings import Settings
from slidegenie.maintenance import cleaning
from slidegenie.maintenance.images import ImageRecord
from slidegenie.plan import Plan

from ..planned import BUILD
from ..plans import made_of, resource

_OLD = "2020-01-01T00:00:00Z"
_IMAGES = {"python:3.11-slim": "sha256:base", "python:3.10-slim": "sha256:before"}


def _built_on(base: str) -> Plan:
    return made_of([resource(BUILD, "app", tags=["slidegenie/app:1"], buildArgs={"PYTHON_IMAGE": base})])


def test_a_base_that_only_builds_need_stays_and_the_one_before_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []

    def docker(*args: str, **_options: Any) -> subprocess.CompletedProcess[str]:
        said = ""
        match args:
            case ("image", "ls", *_):
                said = "\n".join(_IMAGES.values())
            case ("image", "inspect", "--format", _, *names):
                said = "\n".join(_IMAGES[name] for name in names)
            case ("image", "inspect", *_):
                config = {"Created": _OLD, "Size": 1, "Config": {"Labels": None}}
                said = json.dumps([config | {"Id": key, "RepoTags": [name]} for name, key in _IMAGES.items()])
            case ("image", "rm", *names):
                removed.extend(names)
        return subprocess.CompletedProcess(args, 0, said, "")

    record = ImageRecord(tmp_path / "record.json")
    record.note_release(["sha256:app"])
    for name in _IMAGES:
        record.note_pulled(name)
    noted = json.loads(record.file.read_text())
    record.write(noted | {"pulled": dict.fromkeys(noted["pulled"], "2020-01-01T00:00:00+00:00")})
    monkeypatch.setattr(cleaning, "docker", docker)
    monkeypatch.setattr(cleaning, "inspect", lambda _ids: [])
    monkeypatch.setattr("slidegenie.maintenance.cache.read", list)

    cleaning.clean(_built_on("python:3.11-slim"), Settings(), record, set(), dry=False)
    assert removed == ["python:3.10-slim"]


def test_a_container_that_could_not_be_removed_is_not_counted_as_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def docker(*args: str, **_options: Any) -> subprocess.CompletedProcess[str]:
        refused = args == ("rm", "held")
        return subprocess.CompletedProcess(args, int(refused), "", "driver failed to remove root filesystem\n")

    record = ImageRecord(tmp_path / "record.json")
    record.note_release(["sha256:app"])
    monkeypatch.setattr(cleaning, "docker", docker)
    monkeypatch.setattr(cleaning, "inspect", lambda _ids: [])
    monkeypatch.setattr(cleaning, "removable_containers", lambda *_: ["held", "gone"])
    monkeypatch.setattr("slidegenie.maintenance.cache.read", list)

    cleaning.clean(_built_on("python:3.11-slim"), Settings(), record, set(), dry=False)
    said = capsys.readouterr()
    assert "container held stays: driver failed to remove root filesystem" in said.err
    assert "removed 1 containers, 0 images" in said.out
