"""What a cleanup may touch: only what can be shown to be the stack's, and that nobody needs."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from components.core.labels import IMAGE_LABEL, STACK_LABEL
from slidegenie.maintenance.cache import own_records, steps, unused
from slidegenie.maintenance.cleanup import Ownership, removable_containers, removable_images
from slidegenie.maintenance.images import ImageRecord, kept_images

NOW = datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC)
OLD = "2026-03-01T00:00:00.123456789Z"
FRESH = "2026-03-10T11:00:00.123456789Z"
OURS = "slidegenie/prod"
OWNED = Ownership(
    label=OURS,
    repositories=frozenset({"slidegenie/backend", "slidegenie/seed"}),
    pulled={
        "redis:8.2.0": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        "redis:8.2.2": datetime.datetime(2026, 3, 10, 11, tzinfo=datetime.UTC),
    },
)


def image(name: str, *tags: str, of: str | None = None, created: str = OLD, tagged: str = OLD) -> dict[str, Any]:
    return {
        "Id": f"sha256:{name}",
        "RepoTags": list(tags),
        "RepoDigests": [],
        "Created": created,
        "Size": 1000,
        "Config": {"Labels": {IMAGE_LABEL: of} if of else None},
        "Metadata": {"LastTagTime": tagged},
    }


def gone(*images: dict[str, Any], needed: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    needed = tuple(f"sha256:{name}" for name in needed)
    return {r.identity.removeprefix("sha256:"): r.references for r in removable_images(images, OWNED, needed, NOW)}


def test_an_image_of_the_stack_that_nobody_needs_goes_with_all_its_names() -> None:
    tags = ("slidegenie/backend:1.0", "slidegenie/backend:latest-slidegenie-prod")
    assert gone(image("a", *tags, of=OURS)) == {"a": tags}


def test_one_without_any_name_goes_by_its_id() -> None:
    assert gone(image("a", of=OURS)) == {"a": ("sha256:a",)}


def test_what_runs_or_is_kept_stays() -> None:
    assert gone(image("a", of=OURS), image("b", of=OURS), needed=("a",)) == {"b": ("sha256:b",)}


@pytest.mark.parametrize(
    "left_alone",
    [
        image("a", "slidegenie/backend:1.0"),
        image("a", "slidegenie/backend:1.0", of="slidegenie/dev"),
        image("a", "slidegenie/backend:1.0", of="other/prod"),
        image("a", "postgres:17"),
        image("a"),
        image("a", "slidegenie/backend:1.0", "archive.example.com/kept:1", of=OURS),
        image("a", of=OURS, created=FRESH),
        image("a", of=OURS, tagged=FRESH),
        image("a", "redis:8.2.2"),
    ],
    ids=[
        "built by hand, without the label",
        "another stack's",
        "another project's",
        "pulled by somebody else",
        "dangling and nobody's",
        "somebody gave it another name",
        "just built: a rollout may be under way",
        "just named: its layers came from the cache",
        "pulled an hour ago",
    ],
)
def test_everything_else_is_left_alone(left_alone: dict[str, Any]) -> None:
    assert gone(left_alone) == {}


def test_an_image_the_stack_pulled_loses_only_the_name_it_was_pulled_by() -> None:
    assert gone(image("a", "redis:8.2.0", "our-team/redis:golden")) == {"a": ("redis:8.2.0",)}


def container(name: str, status: str, label: str | None = OURS, ended: str = OLD) -> dict[str, Any]:
    return {
        "Id": name,
        "Created": OLD,
        "State": {"Status": status, "FinishedAt": ended},
        "Config": {"Labels": {STACK_LABEL: label} if label else {}},
    }


def test_containers_go_when_they_have_ended_and_no_rollout_knows_them() -> None:
    found = [
        container("forgotten", "exited"),
        container("never started", "created", ended="0001-01-01T00:00:00Z"),
        container("a job of the state", "exited"),
        container("running", "running"),
        container("paused", "paused"),
        container("ended just now", "exited", ended=FRESH),
        container("another stack's", "exited", "slidegenie/dev"),
        container("nobody's", "exited", None),
    ]
    assert removable_containers(found, OURS, {"a job of the state"}, NOW) == ["forgotten", "never started"]


def test_the_last_releases_are_kept_and_those_of_other_stacks_too(tmp_path: Path) -> None:
    record, other = ImageRecord.of(tmp_path, OURS), ImageRecord.of(tmp_path, "slidegenie/dev")
    for release in range(7):
        record.note_release([f"backend-{release}", "redis"])
    other.note_release(["backend-0"])
    assert kept_images(record, 5) == {*(f"backend-{n}" for n in (0, 2, 3, 4, 5, 6)), "redis"}
    assert kept_images(record, 1) == {"backend-0", "backend-6", "redis"}


def test_the_same_release_again_does_not_push_older_ones_out(tmp_path: Path) -> None:
    record = ImageRecord.of(tmp_path, OURS)
    for images in (["a"], ["b"], ["b"], ["a"], ["b"]):
        record.note_release(images)
    assert record.releases(5) == [{"b"}, {"a"}]


def test_pulled_images_are_noted_as_the_engine_names_them(tmp_path: Path) -> None:
    record = ImageRecord.of(tmp_path, OURS)
    for image in ("docker.io/library/redis:8.2.1", "docker.io/prom/prometheus:v3", "quay.io/minio/minio:1"):
        record.note_pulled(image)
    assert set(record.pulled()) == {"redis:8.2.1", "prom/prometheus:v3", "quay.io/minio/minio:1"}


# ---------------------------------------------------------------------------- build cache


def record(name: str, description: str, parent: str = "", **more: str) -> dict[str, str]:
    plain = {"InUse": "false", "Shared": "false", "LastUsedAt": "2026-03-01 00:00:00.12 +0000 UTC"}
    return {"ID": name, "Description": description, "Parent": parent, **plain, **more}


def test_the_steps_of_a_dockerfile_are_read_as_the_builder_names_them(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(
        "FROM base\n# RUN nothing\nRUN --mount=type=cache,target=/c --network=none \\\n"
        "    make all \\\n    # why\n    && rm -rf /x\nCOPY a b\nRUN true\n",
        encoding="utf-8",
    )
    assert steps(file) == ["make all && rm -rf /x", "true"]


def test_the_cache_of_our_steps_and_of_what_stands_on_them_is_ours_topmost_first() -> None:
    records = [
        record("base", "from local "),
        record("ours", "mount / from exec /bin/sh -c make   all     && rm -rf /x", "base"),
        record("copied", "fileop target", "ours"),
        record("top", "fileop target", "copied"),
        record("mounted", "mount /c from exec /bin/sh -c make all && rm -rf /x"),
        record("theirs", "mount / from exec /bin/sh -c make all", "base"),
        record("on theirs", "fileop target", "theirs"),
        record("context", "local source for context"),
    ]
    own = own_records(records, {"make all && rm -rf /x"})
    assert [r["ID"] for r in own][:2] == ["top", "copied"]
    assert {r["ID"] for r in own} == {"top", "copied", "ours", "mounted"}


def test_cache_that_is_used_or_was_lately_stays() -> None:
    records = [
        record("old", ""),
        record("in use", "", InUse="true"),
        record("part of an image", "", Shared="true"),
        record("used yesterday", "", LastUsedAt="2026-03-09 12:00:00 +0000 UTC"),
    ]
    assert unused(records, 7, NOW) == ["old"]
