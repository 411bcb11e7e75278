"""`scripts/security-scan.sh`: what it prints, what it writes, and the exit code that CI goes by."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.images.supply_chain import CheckedImage, ToolError
from slidegenie.__main__ import main
from slidegenie.images import scan_run

from ..plans import ROOT

CLEAN = {"SchemaVersion": 2}
SECRET = {"RuleID": "github-pat", "Severity": "CRITICAL", "Title": "GitHub token"}
BAD = {"SchemaVersion": 2, "Results": [{"Target": "/settings.ini", "Secrets": [SECRET]}]}
POLICY = str(ROOT / "security" / "trivy-scan-offline.yml")


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Trivy says of each image; an error is raised."""
    answers: dict[str, Any] = {}

    def scan(_bench: object, subject: CheckedImage, _policy: object) -> Any:
        if isinstance(answer := answers[subject.reference], Exception):
            raise answer
        return answer

    def sbom(bench: Any, _subject: CheckedImage) -> Path:
        file: Path = bench.folder / "sbom"
        file.write_text("{}", encoding="utf-8")
        return file

    monkeypatch.setattr(scan_run, "scan", scan)
    monkeypatch.setattr(scan_run, "sbom", sbom)
    return answers


def test_a_clean_image_is_zero_and_leaves_report_and_sbom(
    reports: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports["here:5000/backend:1"] = CLEAN

    assert main(["scan-images", "--policy", POLICY, "--output", str(tmp_path / "out"), "here:5000/backend:1"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "here_5000_backend_1.spdx.json",
        "here_5000_backend_1.trivy.json",
    ]
    assert json.loads((tmp_path / "out" / "here_5000_backend_1.trivy.json").read_text()) == CLEAN
    said = capsys.readouterr().out
    assert "here:5000/backend:1: 0 stopping, 0 below the threshold, 0 ignored" in said
    assert "NOT for vulnerabilities of packages" in said


def test_one_bad_image_among_good_ones_is_one_and_named(
    reports: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports |= {"bad": BAD, "good": CLEAN}

    assert main(["scan-images", "--policy", POLICY, "--output", str(tmp_path), "bad", "good"]) == 1
    assert "    CRITICAL github-pat in /settings.ini (/settings.ini): GitHub token" in capsys.readouterr().out


def test_an_image_that_cannot_be_scanned_is_two_whatever_the_others_are(
    reports: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports |= {"bad": BAD, "gone": ToolError("trivy failed: no such image")}

    assert main(["scan-images", "--policy", POLICY, "--output", str(tmp_path), "--no-sbom", "gone", "bad"]) == 2
    assert "==> gone: NOT SCANNED: trivy failed: no such image" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["bad.trivy.json"]


def test_a_policy_with_mistakes_is_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy.yml").write_text("treshold: HIGH", encoding="utf-8")

    assert main(["scan-images", "--policy", str(tmp_path / "policy.yml"), "image"]) == 2
    assert "treshold: is not a known key; did you mean threshold?" in capsys.readouterr().err


def test_where_nothing_runs_it_asks_for_a_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scan_run, "running", list)

    assert main(["scan-images", "--policy", POLICY]) == 2
    assert "nothing of the platform runs here; name an image" in capsys.readouterr().err


def test_without_an_engine_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/none")

    assert main(["scan-images", "--policy", POLICY]) == 2
    assert "no Docker engine answers" in capsys.readouterr().err
