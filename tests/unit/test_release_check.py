"""The table of `make release-check`: it is always printed, and a failing row fails the command."""

import re
import sys
from pathlib import Path

import pytest

from scripts.release_check import CheckRow, main, rows, run

SAY = [sys.executable, "-c"]


def row(key: str, program: str, **more: object) -> CheckRow:
    return CheckRow(key=key, what=f"About {key}", command=[*SAY, program], figure=r"\d+ passed", **more)  # type: ignore[arg-type]


GOOD = row("good", "print('3 passed in 1.23s')")
BAD = row("bad", "import sys; print('2 passed'); sys.exit(3)")
ABSENT = row("absent", "raise SystemExit(9)", missing=lambda: "no such | tool")


def table(output: str) -> list[str]:
    """Return the lines of the table, with every time it took as 0: machines differ."""
    return [re.sub(r"\b\d+ s\b", "0 s", line) for line in output.splitlines() if line.startswith("|")]


def test_what_passed_what_failed_and_what_was_skipped_is_in_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([GOOD, BAD, ABSENT], set(), tmp_path / "logs") == 1
    assert table(capsys.readouterr().out) == [
        "| what | result | figure |",
        "|---|---|---|",
        "| About good | passed | 3 passed, 0 s |",
        "| About bad | **FAILED** | exit code 3, 0 s, log bad.log |",
        "| About absent | skipped | no such \\| tool |",
    ]
    assert (tmp_path / "logs" / "bad.log").read_text() == "2 passed\n"


def test_marks_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counted = CheckRow(key="n", what="N", command=[*SAY, "print('x\\nx\\nx')"], figure="^x$", counted="of them")
    assert run([counted], set(), tmp_path / "logs") == 0
    assert table(capsys.readouterr().out)[2] == "| N | passed | 3 of them, 0 s |"


def test_without_a_failure_it_succeeds(tmp_path: Path) -> None:
    assert run([GOOD, ABSENT], set(), tmp_path / "logs") == 0


def test_a_program_that_is_not_there_is_a_failed_row_and_the_rest_is_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = CheckRow(key="nowhere", what="Nowhere", command=["/no/such/program"], figure="x")
    assert run([nowhere, GOOD], set(), tmp_path / "logs") == 1
    lines = table(capsys.readouterr().out)
    assert lines[2] == "| Nowhere | **FAILED** | could not be started: No such file or directory |"
    assert "passed" in lines[3]


def test_an_interrupted_run_still_prints_what_it_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> str | None:
        raise KeyboardInterrupt

    stopped = row("stopped", "", missing=interrupt)
    assert run([GOOD, stopped, BAD], set(), tmp_path / "logs") == 1
    assert [line.split(" | ")[1:] for line in table(capsys.readouterr().out)[2:]] == [
        ["passed", "3 passed, 0 s |"],
        ["**FAILED**", "interrupted |"],
        ["skipped", "interrupted before it |"],
    ]


def test_rows_can_be_chosen_and_the_others_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([GOOD, BAD], {"good"}, tmp_path / "logs") == 0
    assert table(capsys.readouterr().out)[3] == "| About bad | skipped | not asked for |"


def test_an_unknown_row_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "chekc"]) == 2
    assert "--only chekc: no such row; there are check, generated, plan" in capsys.readouterr().err


def test_an_unknown_stack_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "nope"]) == 2
    assert "stack 'nope' does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(("broken", "code"), [("airgap", 1), ("none", 0)])
def test_a_stack_whose_plan_is_broken_fails_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str, code: int
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *"--stack {broken} "*) exit 1;; esac\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert run(rows("dev"), {"plan"}, tmp_path / "logs") == code
    assert ("| passed | 3 stacks" in capsys.readouterr().out) is (code == 0)


def test_the_scan_goes_by_the_policy_of_the_stack() -> None:
    scans = {stack: next(r for r in rows(stack) if r.key == "scan").command for stack in ("dev", "airgap")}
    assert "security/trivy-scan-offline.yml" in scans["airgap"]
    assert "security/trivy-scan.yml" in scans["dev"]
    assert all(command[-7:][0] == "slidegenie-release/backend:latest" for command in scans.values())
