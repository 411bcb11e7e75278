"""Which releases are remembered, where a rollback goes, and when it is refused."""

from pathlib import Path
from typing import Any

import pytest

from slidegenie.rollout.releases import KEPT, Release, Releases, Schema, listed, refusal

_SCHEMA = Schema("2", ("1", "2"))


def came_up(releases: Releases, version: str, image: str = "", **settings: Any) -> Releases:
    return releases.begin().succeeded(
        version=version,
        revision="abc",
        image=image or f"sha256:{version}",
        settings={"release": version} | settings,
        schema=_SCHEMA,
    )


def after(folder: Path, *versions: str) -> Releases:
    releases = Releases.of(folder)
    for version in versions:
        releases = came_up(releases, version)
    return releases


def version_of(release: Release | None) -> str | None:
    return release.version if release else None


def test_a_stack_without_releases_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    assert Releases.of(tmp_path).target() is None
    assert after(tmp_path, "1").target() is None


def test_the_last_five_are_kept_and_read_again(tmp_path: Path) -> None:
    made = after(tmp_path, *"1234567")

    assert [release.version for release in made.known] == list("34567")
    assert Releases.of(tmp_path) == made
    assert len(made.known) == KEPT


def test_a_long_incident_does_not_push_the_good_release_out(tmp_path: Path) -> None:
    releases = after(tmp_path, "good")
    for version in "123456":
        releases = came_up(releases, version)
        target = releases.target()
        assert version_of(target) == "good"
        assert target is not None
        releases = releases.went_back(target)

    fixed = came_up(releases, "fixed")

    assert [release.version for release in fixed.known] == ["good", "4", "5", "6", "fixed"]
    assert version_of(fixed.target()) == "good"


def test_only_its_owner_reads_what_was_written_down(tmp_path: Path) -> None:
    assert after(tmp_path, "1").path.stat().st_mode & 0o777 == 0o600


def test_the_same_release_again_is_not_another_one(tmp_path: Path) -> None:
    made = came_up(after(tmp_path, "1", "2"), "2")

    assert [release.version for release in made.known] == ["1", "2"]
    assert version_of(made.target()) == "1"


def test_other_settings_of_the_same_image_are_another_release(tmp_path: Path) -> None:
    made = came_up(after(tmp_path, "1"), "1", replicas=3)

    assert [dict(release.settings) for release in made.known] == [{"release": "1"}, {"release": "1", "replicas": 3}]


def test_a_rollback_goes_to_the_release_before(tmp_path: Path) -> None:
    assert version_of(after(tmp_path, "1", "2", "3").target()) == "2"


def test_while_a_rollout_is_broken_it_goes_to_the_one_that_serves(tmp_path: Path) -> None:
    broken = after(tmp_path, "1", "2").begin()

    assert version_of(broken.target()) == "2"
    assert version_of(Releases.of(tmp_path).target()) == "2", "in the next command too"


def test_what_was_rolled_back_from_is_never_gone_back_to(tmp_path: Path) -> None:
    releases = after(tmp_path, "1", "2", "3")
    target = releases.target()
    assert target is not None
    back = releases.went_back(target)
    assert (version_of(back.running()), version_of(back.target()), back.held) == ("2", "1", True)

    fixed = came_up(back, "4")

    assert (version_of(fixed.target()), fixed.held) == ("2", False)
    assert [(release.number, release.abandoned) for release in fixed.known] == [
        (1, False),
        (2, False),
        (3, True),
        (4, False),
    ]


def test_the_broken_release_again_after_a_rollback_is_a_new_one(tmp_path: Path) -> None:
    releases = after(tmp_path, "1", "2")
    target = releases.target()
    assert target is not None

    again = came_up(releases.went_back(target), "2")

    assert (again.current, version_of(again.target())) == (3, "1")


@pytest.mark.parametrize(
    ("logs", "schema"),
    [
        ('migrate: schema {"head": "2", "compatible_with": ["1", "2"]}\nmigrate: up to date\n', _SCHEMA),
        ("migrate: up to date\n", None),
        ("", None),
    ],
)
def test_what_migrations_say_is_read_from_the_output_of_their_job(logs: str, schema: Schema | None) -> None:
    assert Schema.said(logs) == schema


def release(head: str | None) -> Release:
    schema = Schema(head, (head,)) if head else None
    return Release(1, "1.0.0", "abc", "2026-01-31T12:00:00+00:00", "sha256:1", {}, schema)


@pytest.mark.parametrize(
    ("head", "schema", "said"),
    [
        ("2", _SCHEMA, None),
        ("1", _SCHEMA, None),
        ("0", _SCHEMA, "the database is at revision 2, which works with releases of revision 1, 2; 1.0.0 needs 0."),
        (None, _SCHEMA, "`make rollback FORCE=yes`"),
        ("1", None, "do not say whether they can go back"),
    ],
)
def test_a_release_the_database_does_not_suit_is_refused_with_the_reason(
    head: str | None, schema: Schema | None, said: str | None
) -> None:
    why = refusal(release(head), schema)

    assert (why is None) is (said is None)
    assert said is None or said in str(why)


def test_the_list_says_which_one_runs_and_which_can_be_gone_back_to(tmp_path: Path) -> None:
    releases = after(tmp_path, "1.0.0", "1.1.0", "1.2.0")
    target = releases.target()
    assert target is not None
    back = releases.went_back(target)

    lines = listed(back.known, back.current, _SCHEMA)[1:]

    assert [(line[0], line.split()[-1]) for line in lines] == [(" ", "abandoned"), ("*", "runs"), (" ", "yes")]
    assert listed(back.known, back.current, Schema("3", ("3",)))[-1].split()[-1] == "no"
