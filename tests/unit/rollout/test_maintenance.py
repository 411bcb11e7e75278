"""What a cleanup may touch: only what can be shown to be the stack's, and that nobody needs."""

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from components.core.labels import IMAGE_LABEL, STACK_LABEL
from components.images.supply_chain import SupplyChainError
from components.images.supply_chain.scan_policy import Severity
from components.images.supply_chain.tools import UnsignedError
from components.settings import Settings, SupplyChainSettings
from slidegenie.console import Problem
from slidegenie.maintenance import freshness, scanning, textfile
from slidegenie.maintenance.cleanup import (
    Ownership,
    own_records,
    removable_containers,
    removable_images,
    steps,
    unused_records,
)
from slidegenie.maintenance.freshness import Answer
from slidegenie.maintenance.records import ImageRecord, Ledger, kept_images
from slidegenie.plan import Plan

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
    assert unused_records(records, 7, NOW) == ["old"]


# ---------------------------------------------------------------------------- maintenance looks
# Scan and freshness: what is asked of the engine and of registries, and what the monitoring is told of the answers.


HERE, THERE = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


class Engine:
    """Answers like the Docker command line, and remembers what it was asked."""

    def __init__(self, **answers: tuple[int, str, str]) -> None:
        self.answers, self.asked, self.given = answers, list[tuple[str, ...]](), ""

    def __call__(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        self.asked.append(args)
        self.given = options.get("input", "")
        code, out, err = self.answers[args[0]]
        return subprocess.CompletedProcess(args, code, out, err)


def inspected(*digests: str) -> tuple[int, str, str]:
    names = [f"redis@{digest}" for digest in digests]
    return 0, json.dumps([{"Created": "2026-01-02T03:04:05.6Z", "RepoDigests": names}]), ""


@pytest.mark.parametrize(
    ("image", "registry", "answer", "outdated"),
    [
        (inspected(HERE), (0, json.dumps({"digest": HERE}), ""), Answer.CURRENT, 0),
        (inspected(HERE), (0, json.dumps({"digest": THERE}), ""), Answer.OUTDATED, 1),
        (
            inspected(HERE),
            (0, json.dumps({"digest": THERE, "manifests": [{"digest": HERE}]}), ""),
            Answer.CURRENT,
            0,
        ),
        (inspected(HERE), (1, "", "no such host"), Answer.SILENT, None),
        (inspected(HERE), (0, "nonsense", ""), Answer.SILENT, None),
        (inspected(), (1, "", ""), Answer.LOCAL, None),
        ((1, "", "No such image"), (1, "", ""), Answer.MISSING, None),
    ],
    ids=["same", "newer", "its platform's own digest", "no answer", "no digest", "built here", "not here"],
)
def test_freshness_says_what_the_registry_has_and_nothing_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch,
    image: tuple[int, str, str],
    registry: tuple[int, str, str],
    answer: Answer,
    outdated: float | None,
) -> None:
    engine = Engine(image=image, buildx=registry)
    monkeypatch.setattr(freshness, "docker", engine)
    found = freshness.ask("redis:8")
    assert found.answer is answer
    told, of = freshness.metrics([found]), {"image": "redis:8"}
    assert told.get_sample_value("slidegenie_image_outdated", of) == outdated
    created = None if answer is Answer.MISSING else pytest.approx(1767323045.6)
    assert told.get_sample_value("slidegenie_image_created_timestamp_seconds", of) == created


def labelled(service: str, image: str, name: str = "") -> dict[str, Any]:
    labels = {"com.docker.compose.service": service}
    return {"Image": image, "Name": service, "Config": {"Labels": labels, "Image": name or image}}


def test_each_image_is_scanned_once_and_one_that_fails_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = [labelled("app", "sha256:app"), labelled("app", "sha256:app"), labelled("redis", "sha256:redis")]
    asked = []

    def scan(_: object, subject: Any, __: object) -> dict[str, Any]:
        asked.append(subject.reference)
        if subject.reference == "sha256:redis":
            raise SupplyChainError("no database")
        secret = {"RuleID": "aws-key", "Severity": "CRITICAL", "Title": "AWS key"}
        return {"SchemaVersion": 2, "Results": [{"Target": "/app/key", "Secrets": [secret]}]}

    monkeypatch.setattr(scanning, "containers", lambda _: running)
    monkeypatch.setattr(scanning, "scan", scan)
    monkeypatch.setattr(scanning, "_name", lambda identity: f"{identity.removeprefix('sha256:')}:1")
    found = scanning.scan_running("slidegenie/prod", Settings())
    assert asked == ["sha256:app", "sha256:redis"]
    assert [(one.image, one.failed) for one in found] == [("app:1", False), ("redis:1", True)]
    assert found[0].findings[Severity.CRITICAL] == 1
    told = scanning.metrics(found, Ledger.of(tmp_path, "slidegenie/prod")).get_sample_value
    assert told("slidegenie_scan_findings", {"image": "app:1", "severity": "CRITICAL"}) == 1
    assert told("slidegenie_scan_findings", {"image": "app:1", "severity": "HIGH"}) == 0
    never = told("slidegenie_scan_timestamp_seconds", {"image": "redis:1"})
    assert never == 0, "never scanned must not look like scanned"
    assert told("slidegenie_scan_findings", {"image": "redis:1", "severity": "HIGH"}) is None
    assert "redis:1 (redis): NOT SCANNED: no database" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("by_digest", "verified", "state"),
    [(True, True, "verified"), (True, False, "failed"), (True, None, "unchecked"), (False, None, "unsigned")],
)
def test_an_image_without_a_signature_to_look_at_is_shown_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_digest: bool, verified: bool | None, state: str
) -> None:
    running = labelled("app", "sha256:app")
    if by_digest:
        running["Config"]["Image"] = f"registry.example.com/app@sha256:{'a' * 64}"
    monkeypatch.setattr(scanning, "containers", lambda _: [running])
    monkeypatch.setattr(scanning, "scan", lambda *_: {"SchemaVersion": 2, "Results": []})
    monkeypatch.setattr(scanning, "_name", lambda _: "app:1")
    monkeypatch.setattr(scanning, "_verified", lambda *_: verified)
    found = scanning.scan_running("slidegenie/prod", Settings())
    told = scanning.metrics(found, Ledger.of(tmp_path, "slidegenie/prod")).get_sample_value
    assert told("slidegenie_image_signature", {"image": "app:1", "state": state}) == 1
    assert told("slidegenie_image_verified", {"image": "app:1"}) == verified, "the alert is about what was looked at"


def test_with_nothing_running_a_scan_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "containers", lambda _: [])
    with pytest.raises(Problem, match="nothing of stack slidegenie/prod runs here"):
        scanning.scan_running("slidegenie/prod", Settings())


def test_a_signature_is_looked_at_again_where_that_needs_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    def verified(**chain: Any) -> bool | None:
        return scanning._verified(
            f"registry.example.com/backend@{HERE}", Settings(supply_chain=SupplyChainSettings(**chain))
        )

    def raising(error: Exception) -> None:
        def verify(*_: object) -> None:
            raise error

        monkeypatch.setattr(scanning, "verify", verify)

    monkeypatch.setattr(scanning, "verify", lambda *_: None)
    public = "/etc/slidegenie/cosign.pub"
    assert verified(public_key=public) is True
    assert verified(key="awskms:///alias/slidegenie") is True
    assert verified() is None
    assert verified(key="/etc/slidegenie/cosign.key") is None, "it opens with a password that is not here"
    assert verified(key="/etc/slidegenie/cosign.key", public_key=public) is True
    raising(UnsignedError("not signed"))
    assert verified(public_key=public) is False
    raising(SupplyChainError("the registry does not answer"))
    assert verified(public_key=public) is None, "an alarm that is none"


def test_metrics_reach_the_volume_of_the_monitoring_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(volume=(0, "slidegenie-prod-metrics\n", ""), run=(0, "", ""))
    monkeypatch.setattr(textfile, "docker", engine)
    monkeypatch.setattr(textfile, "containers", lambda *_, **__: [{"Image": "sha256:seed"}])
    told = CollectorRegistry()
    Gauge("looked_at", "Looked at.", ["image"], registry=told).labels('a"b\\c').set(1)
    assert textfile.publish("slidegenie/prod", "scan.prom", told)
    assert 'looked_at{image="a\\"b\\\\c"} 1.0\n' in engine.given
    run = engine.asked[-1]
    assert {"--network=none", "--read-only", "--cap-drop=ALL", "--user=1000:1000"} <= set(run)
    assert "--volume=slidegenie-prod-metrics:/metrics" in run
    assert run[-2:] == ("-c", "cat > /metrics/.scan.prom && mv /metrics/.scan.prom /metrics/scan.prom")


def test_a_stack_without_monitoring_has_nobody_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textfile, "docker", Engine(volume=(0, "", "")))
    monkeypatch.setattr(textfile, "containers", lambda *_, **__: [])
    assert not textfile.publish("slidegenie/prod", "scan.prom", CollectorRegistry())


def test_every_container_that_runs_rotates_its_log(plan: Plan) -> None:
    for planned in plan.of_type("docker:index/container:Container"):
        if planned.inputs.get("start") is not False:
            assert planned.inputs["logDriver"] == "local", planned.name
            assert planned.inputs["logOpts"] == {"max-size": "20m", "max-file": "5"}, planned.name


def test_every_image_a_stack_builds_for_itself_says_whose_it_is(plan: Plan) -> None:
    loaded = [build for build in plan.of_type("docker-build:index:Image") if build.inputs.get("load")]
    assert loaded
    for build in loaded:
        assert build.inputs["labels"] == {"io.slidegenie.image-of": f"{plan.project}/{plan.stack}"}
