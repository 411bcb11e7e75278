"""The releases that a stack keeps of itself: which there are, what comes back, and what is refused."""

import dataclasses
import json
import subprocess
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi.output import Unknown

from components.containers.found import FoundContainer
from components.core.engine import DockerEngine
from components.releases import Release, Releases, Schema, StackReleases, kept_images, what_runs
from components.releases import stack_releases as module
from components.releases.model import KEPT, refusal
from components.settings import parse_settings

from ..planned import recorded

_SCHEMA = Schema("2", ("1", "2"))
_REFERENCE = {"reference": True}
"""What tells a ready image of the reference backend from one of somebody else's."""


def image(number: int) -> str:
    """Return the ID of an image."""
    return f"sha256:{str(number) * 64}"


def found(service: str, image: str = "", **state: Any) -> FoundContainer:
    """Return a container as the engine shows it."""
    labels = {"com.docker.compose.service": service}
    return FoundContainer(
        {"Id": service, "Name": f"/{service}", "Image": image, "Created": "", "State": state}
        | {"Config": {"Image": image, "Labels": labels}}
    )


class Stack:
    """A stack and its engine, on which the program runs as often as a test likes."""

    def __init__(self) -> None:
        self.outputs: dict[str, Any] = {}
        self.image = image(1)
        """What the application's containers are made from."""
        self.images: set[str] = set()
        """What the engine has."""
        self.names: set[str] = set()
        """What keeps images there."""
        self.migrated = 'migrate: schema {"head": "1", "compatible_with": ["1"]}\n'
        self.complete, self.preview = True, False
        self.ran: dict[str, Any] = {}
        """The section of what ran last."""

    @property
    def releases(self) -> Releases:
        return Releases.of(self.outputs.get("releases"))

    def up(self, **backend: Any) -> Releases:
        """Bring `backend` up and return the releases after it."""
        self.images.add(self.image)
        settings = parse_settings({"backend": backend}, "Pulumi.test.yaml").backend

        def program() -> None:
            gates: list[pulumi.Output[Any]] = []
            engine = pulumi.Output.from_input(DockerEngine())
            rollout = SimpleNamespace(reached=pulumi.Output.from_input(self.complete))
            foundation: Any = SimpleNamespace(engine=engine, rollout=rollout, wait_for=gates.append)
            application: Any = SimpleNamespace(
                web=SimpleNamespace(server=SimpleNamespace(ready=pulumi.Output.from_input(["one"])))
            )
            releases = StackReleases(settings)
            releases.hold(foundation)
            self.ran = module.section_of(releases.settings)
            pulumi.export(
                "releases", pulumi.Output.all(*gates).apply(lambda _: releases.after(foundation, application))
            )

        outputs = recorded(program).outputs
        if not self.preview:
            self.outputs = outputs
        listed = outputs["releases"]
        return Releases.of({} if isinstance(listed, Unknown) else listed)

    def docker(self, _engine: DockerEngine, *args: str) -> "subprocess.CompletedProcess[str]":
        code, out = 0, ""
        match args:
            case ("image", "inspect", *_, image):
                code = 0 if image in self.images else 1
            case ("tag", _, name):
                self.names.add(name)
            case ("images", *_):
                out = "\n".join(self.names)
            case ("image", "rm", *names):
                self.names.difference_update(names)
            case ("logs", _):
                out = self.migrated
        return subprocess.CompletedProcess(args, code, out, "")


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack()
    for where in (kept_images, what_runs):
        monkeypatch.setattr(where, "docker", made.docker)
    monkeypatch.setattr(module, "speaks_to_an_engine", lambda: True)
    monkeypatch.setattr(module, "outputs_before", lambda: made.outputs)
    monkeypatch.setattr(module, "git_version", lambda _: "abc")
    monkeypatch.setattr(
        module,
        "found_containers",
        lambda *_: [
            found("app", made.image, Status="running", Running=True, Health={"Status": "healthy"}),
            found("migrate", Status="exited", Running=False, ExitCode=0),
        ],
    )
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: made.preview)
    return made


def releases_of(stack: Stack, count: int) -> None:
    """Bring up `count` releases, 1.0.0 and so on, each with an image of its own."""
    for number in range(1, count + 1):
        stack.image = image(number)
        stack.up(release=f"{number}.0.0")


def numbers(releases: Releases) -> list[int]:
    return [release.number for release in releases.known]


def test_what_came_up_is_a_release(stack: Stack) -> None:
    (release,) = stack.up(release="1.0.0", replicas=3).known
    assert dataclasses.replace(release, at="") == Release(
        1, "1.0.0", "abc", "", image(1), {"release": "1.0.0", "replicas": 3}, Schema("1", ("1",))
    )
    assert (stack.releases.current, stack.releases.held) == (1, False)
    assert stack.names == {"slidegenie/kept-slidegenie-test:111111111111"}, "a name keeps it on the engine"


def test_the_same_again_changes_nothing(stack: Stack) -> None:
    first = stack.up(release="1.0.0", volumes={"uploads": "/srv/uploads"}, limits={"cpus": 2})
    again = {"release": "1.0.0", "volumes": {"uploads": "/srv/uploads"}, "limits": {"cpus": 2.0}, "replicas": 2}
    assert stack.up(**again) == first
    stack.preview = True
    assert stack.up(**again) == first


def test_another_image_or_setting_is_another_release(stack: Stack) -> None:
    stack.up(release="1.0.0")
    stack.up(release="1.0.0", replicas=3)
    stack.image = image(2)
    stack.up(release="1.0.0", replicas=3)
    assert [(release.image, release.settings.get("replicas")) for release in stack.releases.known] == [
        (image(1), None),
        (image(1), 3),
        (image(2), 3),
    ]


def test_a_part_of_the_stack_is_no_release(stack: Stack) -> None:
    first, stack.complete = stack.up(release="1.0.0"), False
    assert stack.up(release="2.0.0") == first


def test_a_preview_leaves_open_what_an_update_will_come_to(stack: Stack) -> None:
    stack.up(release="1.0.0")
    stack.preview = True
    assert stack.up(release="2.0.0") == Releases(), "unknown, so that a saved plan holds"


def test_a_plan_knows_of_no_release(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "speaks_to_an_engine", lambda: False)
    assert stack.up(release="1.0.0", rollback=7) == Releases()
    assert stack.ran == {"release": "1.0.0"}


def test_image_and_settings_come_back_and_later_releases_are_abandoned(stack: Stack) -> None:
    stack.up(release="1.0.0", replicas=3)
    stack.image = image(2)
    stack.up(release="2.0.0")

    back = stack.up(release="2.0.0", rollback=1)

    assert stack.ran == _REFERENCE | {"release": "1.0.0", "replicas": 3, "image": image(1)}
    assert (back.current, back.held) == (1, True)
    assert [release.abandoned for release in back.known] == [False, True]
    stack.migrated = ""
    assert stack.up(release="2.0.0", rollback=1) == back, "what is there already is not asked about again"

    forward = stack.up(release="2.0.0")
    assert (numbers(forward), forward.current, forward.held) == ([1, 2, 3], 3, False), "the broken one again is another"


def test_volumes_are_data_and_do_not_go_back(stack: Stack) -> None:
    stack.up(release="1.0.0", volumes={"old": "/srv/old"})
    stack.up(release="2.0.0", volumes={"uploads": "/srv/uploads"})
    stack.up(release="2.0.0", volumes={"uploads": "/srv/uploads"}, rollback=1)
    assert stack.ran["volumes"] == {"uploads": "/srv/uploads"}


@pytest.mark.parametrize("source", [{"context": "../shop", "dockerfile": "prod", "stage": "run"}, {"image": "shop:1"}])
def test_an_own_application_comes_back_with_its_own_commands(stack: Stack, source: dict[str, str]) -> None:
    commands = {"healthCommand": ["/shop", "health"], "migrateCommand": ["/shop", "migrate"]}
    stack.up(release="1.0.0", **source, **commands)
    stack.up(release="1.1.0", **source, **commands)
    stack.up(release="1.1.0", **source, **commands, rollback=1)
    assert stack.ran == {"release": "1.0.0", "image": image(1), **commands}


def test_an_image_of_a_registry_comes_back_by_its_digest(stack: Stack) -> None:
    stack.image = f"registry.example.com/slidegenie/backend@{image(1)}"
    stack.up(release="1.0.0")
    stack.up(release="1.1.0")
    stack.images.clear()
    stack.up(release="1.1.0", rollback=1)
    assert stack.ran["image"] == stack.image
    assert stack.names == set(), "the registry keeps it"


def test_the_last_five_are_kept_and_so_are_their_images(stack: Stack) -> None:
    releases_of(stack, 7)
    assert numbers(stack.releases) == [3, 4, 5, 6, 7]
    assert len(stack.releases.known) == KEPT
    assert stack.names == {f"slidegenie/kept-slidegenie-test:{str(number) * 12}" for number in range(3, 8)}


def test_a_long_incident_does_not_push_the_good_release_out(stack: Stack) -> None:
    stack.up(release="good")
    for attempt in range(2, 8):
        stack.up(release=f"bad-{attempt}")
        stack.up(release=f"bad-{attempt}", rollback=1)
    fixed = stack.up(release="fixed")
    assert [release.version for release in fixed.known] == ["good", "bad-5", "bad-6", "bad-7", "fixed"]
    before = fixed.before()
    assert before is not None
    assert before.version == "good"


def test_a_number_that_nobody_knows_is_refused_with_those_there_are(stack: Stack) -> None:
    with pytest.raises(pulumi.RunError, match=r"backend.rollback: is 4, and the stack has no such release.* none yet"):
        stack.up(rollback=4)
    releases_of(stack, 2)
    with pytest.raises(pulumi.RunError, match=r"backend.rollback: is 4, .*; it knows 1, 2"):
        stack.up(rollback=4)


def test_a_release_that_this_code_cannot_run_is_refused(stack: Stack) -> None:
    stack.up(release="1.0.0")
    stack.outputs["releases"]["known"][0]["settings"]["colour"] = "red"
    with pytest.raises(pulumi.RunError, match=r"release 1 does not run with this code: .*colour"):
        stack.up(release="1.0.0", rollback=1)


def test_a_database_that_cannot_go_back_is_refused_unless_somebody_knows_better(stack: Stack) -> None:
    stack.up(release="1.0.0")
    # It may be the migration of a rollout that broke afterwards.
    stack.migrated = 'migrate: schema {"head": "2", "compatible_with": ["2"]}\n'
    known = stack.releases
    with pytest.raises(pulumi.RunError, match=r"no container was changed: the database is at revision 2"):
        stack.up(release="2.0.0", rollback=1)
    assert stack.releases == known
    assert stack.up(release="2.0.0", rollback=1, rollbackUnchecked=True).held


def test_without_the_job_the_release_that_runs_says_what_its_migrations_said(stack: Stack) -> None:
    stack.up(release="1.0.0")
    stack.migrated = 'migrate: schema {"head": "2", "compatible_with": ["2"]}\n'
    stack.up(release="2.0.0")
    stack.migrated = ""
    with pytest.raises(pulumi.RunError, match=r"the database is at revision 2"):
        stack.up(release="2.0.0", rollback=1)


def test_a_release_without_migrations_goes_back_to_another_one_without(stack: Stack) -> None:
    stack.migrated, own = "", {"image": "shop:1", "healthCommand": ["/shop", "health"]}
    stack.up(release="1.0.0", **own, migrateCommand=["/shop", "migrate"])
    stack.up(release="1.1.0", **own)
    stack.up(release="1.2.0", **own)
    with pytest.raises(pulumi.RunError, match=r"the migrations of one of the two releases do not say"):
        stack.up(release="1.2.0", **own, rollback=1)
    assert stack.up(release="1.2.0", **own, rollback=2).current == 2


def test_an_image_that_went_is_refused(stack: Stack) -> None:
    releases_of(stack, 2)
    stack.images.clear()
    said = r"the image of 1.0.0 \(no. 1\) is no longer on .*; no container was changed"
    with pytest.raises(pulumi.RunError, match=said):
        stack.up(release="2.0.0", rollback=1)


def test_what_pulumi_makes_of_the_list_is_read_again() -> None:
    release = Release(1, "1", "abc", "", image(1), {"replicas": 3, "migrateCommand": []}, None)
    made = Releases((release, dataclasses.replace(release, number=2, schema=_SCHEMA)), 2)
    # It drops what is empty, and has floating numbers only.
    written = json.loads(json.dumps(made.output()).replace("3", "3.0").replace('"schema": null, ', ""))
    assert Releases.of(written) == made


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
    return Release(1, "1.0.0", "abc", "2026-01-31T12:00:00+00:00", image(1), {}, schema)


@pytest.mark.parametrize(
    ("head", "schema", "said"),
    [
        ("2", _SCHEMA, None),
        ("1", _SCHEMA, None),
        ("0", _SCHEMA, "the database is at revision 2, which works with releases of revision 1, 2; 1.0.0 needs 0."),
        (None, _SCHEMA, "`make rollback FORCE=yes`, or `backend.rollbackUnchecked: true`"),
        ("1", None, "do not say whether they can go back"),
    ],
)
def test_a_release_the_database_does_not_suit_is_refused_with_the_reason(
    head: str | None, schema: Schema | None, said: str | None
) -> None:
    why = refusal(release(head), schema)

    assert (why is None) is (said is None)
    assert said is None or said in str(why)
