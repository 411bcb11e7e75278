"""Scan and freshness: what is asked of the engine and of registries, and what the monitoring is told of the answers."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from components.images.supply_chain import SupplyChainError
from components.images.supply_chain.errors import UnsignedError
from components.images.supply_chain.policy import Severity
from components.settings import Settings, SupplyChainSettings
from slidegenie.console import Problem
from slidegenie.maintenance import freshness, scanning, textfile
from slidegenie.maintenance.freshness import Answer
from slidegenie.maintenance.ledger import Ledger
from slidegenie.plan import Plan

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


def container(service: str, image: str, name: str = "") -> dict[str, Any]:
    labels = {"com.docker.compose.service": service}
    return {"Image": image, "Name": service, "Config": {"Labels": labels, "Image": name or image}}


def test_each_image_is_scanned_once_and_one_that_fails_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = [container("app", "sha256:app"), container("app", "sha256:app"), container("redis", "sha256:redis")]
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
    running = container("app", "sha256:app")
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
