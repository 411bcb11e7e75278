"""The scripts that build: what they say while they do, and why they could not.

The programs they call are scripts in a folder that is all there is on PATH, so nothing is built or downloaded.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.dashboard_pictures import height
from bench.monitoring_idle import Usage, usage
from scripts.dashboards import BOARDS
from scripts.release_check import CheckRow, main, rows, run

from ..plans import ROOT

_TOOLS = (
    *(
        "awk",
        "bash",
        "cat",
        "cp",
        "cut",
        "dirname",
        "env",
        "find",
        "flock",
        "grep",
        "head",
        "install",
        "mkdir",
        "mktemp",
    ),
    *(
        "mv",
        "nproc",
        "paste",
        "realpath",
        "rm",
        "sed",
        "sha256sum",
        "sleep",
        "sort",
        "tail",
        "touch",
        "tr",
        "wc",
        "xargs",
    ),
)
_DOCKER = """
case $1 in
    buildx | compose) echo "v9.0.0" ;;
    build)
        for context; do :; done
        name=$(basename "$context")
        echo "$name" >>"$STATE/built"
        [ ! -e "$STATE/$name" ] || { cat "$STATE/$name"; exit 1; }
        ;;
    image) case $* in *.Size*) echo 81000000 ;; *) exit 1 ;; esac ;;
esac
"""
"""An engine without images; a build fails with what is in the file of its name."""
_NO_PLUGINS = 'case $1 in buildx | compose) echo "docker: unknown command" >&2; exit 1 ;; esac'


@dataclass(frozen=True)
class Machine:
    """A machine with these programs and nothing else."""

    folder: Path

    def has(self, name: str, script: str) -> None:
        """Put a program there."""
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def fails(self, image: str, text: str) -> None:
        """Let the build of `image` fail with `text`."""
        (self.folder / image).write_text(text, encoding="utf-8")

    @property
    def built(self) -> list[str]:
        """What the engine was asked to build, in this order."""
        return (self.folder / "built").read_text(encoding="utf-8").splitlines()

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the project's scripts there."""
        environment = {
            "PATH": str(self.folder / "bin"),
            "HOME": str(self.folder),
            "STATE": str(self.folder),
            "SLIDEGENIE_CACHE": str(self.folder / "cache"),
        }
        command = [str(ROOT / "scripts" / script), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    (tmp_path / "bin").mkdir()
    for name in (*_TOOLS, "basename"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    made.has("id", "echo 1000")
    made.has("docker", _DOCKER)
    made.has("mmdebstrap", "exit 0")
    return made


def reason(tmp_path: Path, log: str) -> str:
    file = tmp_path / "log"
    file.write_text(log, encoding="utf-8")
    command = ["bash", "-c", f'. {ROOT}/scripts/common.sh; reason "$1"', "-", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.removesuffix("\n")


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (
            "==> installing golang-go from the distribution\nReading lists...\nE: Unable to locate package golang-go\n",
            "E: Unable to locate package golang-go",
        ),
        ("Reading package lists...\n==> Go is not installed: run this\n\n", "Go is not installed: run this"),
        (
            "go: downloading github.com/pkg/errors v0.9.1\n# example.com/cli\ncli/root.go:55:36: undefined: a.B\n",
            "cli/root.go:55:36: undefined: a.B",
        ),
        (
            '==> go1.19 is too old: taking 1.26\ngo: m@v1: Get "http://a": dial tcp: connection refused\n',
            'go: m@v1: Get "http://a": dial tcp: connection refused',
        ),
        (
            "#5 7.63 E: Unable to locate package nothing\n------\nERROR: failed to solve: executor failed running\n",
            "E: Unable to locate package nothing",
        ),
        ("ERROR: failed to solve: debian: not there\n", "ERROR: failed to solve: debian: not there"),
        (
            (
                "E: Failed to fetch http://a/InRelease  Temporary failure resolving 'a'\n"
                "E: Some index files failed to download. They have been ignored, or old ones used instead.\n"
                "E: apt-get update --error-on=any failed\nI: removing tempdir /tmp/x...\nE: mmdebstrap failed to run\n"
            ),
            "E: Failed to fetch http://a/InRelease  Temporary failure resolving 'a'",
        ),
        ("one\ntwo\n\n", "two"),
        ("", "no output"),
    ],
)
def test_the_reason_in_a_log_is_the_line_that_says_why(tmp_path: Path, log: str, why: str) -> None:
    assert reason(tmp_path, log) == why


def test_who_has_neither_buildx_nor_go_is_told_how_to_get_go(machine: Machine) -> None:
    machine.has("docker", _NO_PLUGINS)
    done = machine.run("install-docker-plugins.sh")
    assert done.returncode == 1
    assert done.stderr == (
        "==> docker buildx could not be built: Go is not installed: on Debian or Ubuntu run `sudo apt-get install"
        f" golang-go` (any version will do) (all of it: {machine.folder}/cache/logs/docker-buildx.log)\n"
    )


def test_a_tool_that_cannot_be_built_says_why(machine: Machine) -> None:
    done = machine.run("install-supply-chain-tools.sh", "syft")
    assert done.returncode == 1
    assert done.stderr.startswith("==> syft could not be built: Go is not installed: on Debian or Ubuntu run `sudo ")


def test_who_has_no_mmdebstrap_and_may_not_install_it_is_told_how(machine: Machine) -> None:
    (machine.folder / "bin" / "mmdebstrap").unlink()
    done = machine.run("build-airgap-images.sh", "--only", "redis")
    assert done.returncode == 1
    assert done.stderr == (
        "==> mmdebstrap is not installed: on Debian or Ubuntu run"
        " `sudo apt-get install mmdebstrap debian-archive-keyring`\n"
    )


def test_each_image_says_how_many_there_are_and_about_how_long_the_rest_takes(machine: Machine) -> None:
    done = machine.run("build-airgap-images.sh", "--only", "traefik,redis")
    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"==> building 4 stand-in images, once: about \d min", said[0])
    progress = [
        re.fullmatch(r"==> (\S+) +built: 81 MB, \d+ s; (\d of 4)(, about \d min left)?", line) for line in said[1:]
    ]
    assert [match and (match[2], bool(match[3])) for match in progress] == [
        ("1 of 4", True),
        ("2 of 4", True),
        ("3 of 4", True),
        ("4 of 4", False),
    ]
    # What an image stands on or copies from comes before it.
    assert machine.built[0] == "debian"
    assert machine.built.index("python") < machine.built.index("traefik")


def test_an_image_that_fails_says_why_and_does_not_keep_the_others(machine: Machine) -> None:
    machine.fails("redis", "#5 1.2 E: Unable to locate package redis\nERROR: failed to solve: exit code: 100\n")
    done = machine.run("build-airgap-images.sh", "--only", "redis,haproxy")
    first, last = done.stderr.splitlines()
    assert done.returncode == 1
    assert re.fullmatch(
        r"==> slidegenie-airgap/redis:7\.0 +FAILED: E: Unable to locate package redis \(all of it: .*redis.log\)",
        first,
    )
    assert last == "==> not every image could be built; run it again once the cause is fixed"
    assert set(machine.built) == {"debian", "haproxy", "redis"}


def test_without_the_base_nothing_else_is_begun(machine: Machine) -> None:
    machine.fails("debian", "no space left on device\n")
    done = machine.run("build-airgap-images.sh", "--only", "redis,haproxy")
    assert done.returncode == 1
    assert done.stderr.count("FAILED") == 1
    assert "FAILED: no space left on device" in done.stderr
    assert machine.built == ["debian"]


def test_compiling_begins_beside_the_base_and_the_image_waits_for_it(machine: Machine) -> None:
    """The base is made only once the compiler has begun: who waits for the base first would never end."""
    begun = 'touch "$STATE/compiling"; while [ $# -gt 0 ]; do [ "$1" = -o ] && mkdir -p "$2"; shift; done'
    machine.has("go", f'case $1 in version) echo "go version go1.99.0" ;; build) {begun} ;; esac')
    machine.has(
        "mmdebstrap", 'n=0; until [ -e "$STATE/compiling" ]; do n=$((n+1)); [ $n -lt 100 ] || exit 1; sleep 0.1; done'
    )
    done = machine.run("build-airgap-images.sh", "--only", "supercronic")
    assert done.returncode == 0, done.stderr
    assert machine.built == ["debian", "supercronic"]


@pytest.mark.parametrize(
    ("goal", "docker", "ahead"), [(["up"], False, True), (["up"], True, False), ([], False, False)]
)
def test_a_machine_without_docker_compiles_the_plugins_while_python_is_installed(
    tmp_path: Path, machine: Machine, goal: list[str], *, docker: bool, ahead: bool
) -> None:
    """Each of the two waits until the other one has begun: one after the other would never end."""
    checkout = tmp_path / "checkout"
    for folder in ("scripts", "docker/airgap/docker-plugins"):
        shutil.copytree(ROOT / folder, checkout / folder)
    meet = 'touch "$STATE/{}"; n=0; until [ -e "$STATE/{}" ]; do n=$((n+1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done'
    compiler = meet.format("compiling", "installing")
    machine.has("debian-go", f'case $* in version) echo "go version go1.99.0" ;; list*-export*) {compiler} ;; esac')
    machine.has("pip", meet.format("installing", "compiling") if ahead else "exit 0")
    machine.has(
        "python3", 'case "$*" in *ensurepip*) exit 1 ;; *venv*) install -D "$STATE/bin/pip" .venv/bin/pip ;; esac'
    )
    machine.has(
        "apt-get", 'echo "$*" >>"$STATE/apt"; case $* in *golang-go*) mv "$STATE/bin/debian-go" "$STATE/bin/go" ;; esac'
    )
    machine.has("id", "echo 0")
    machine.has("nice", 'exec "$@"')
    if not docker:
        (machine.folder / "bin" / "docker").unlink()
    done = machine.run(str(checkout / "scripts" / "bootstrap.sh"), "requirements.txt", *goal)
    assert done.returncode == 0, done.stderr
    packages = "golang-go python3-venv" if ahead else "python3-venv"
    assert (machine.folder / "apt").read_text(encoding="utf-8").splitlines() == [
        "update",
        f"install --yes --no-install-recommends {packages}",
    ]
    assert (machine.folder / "compiling").exists() == ahead


# ---------------------------------------------------------------------------- bench
# The measuring scripts, where they decide something; they themselves need an engine.


_MIB = 2**20
CPU = {"cpu_usage": {"total_usage": 2_500_000_000}}


@pytest.mark.parametrize(
    "memory",
    [
        {"usage": 100 * _MIB, "stats": {"inactive_file": 40 * _MIB}},
        {"usage": 100 * _MIB, "stats": {"total_inactive_file": 40 * _MIB, "cache": 90 * _MIB}},
    ],
    ids=["control groups 2", "control groups 1"],
)
def test_memory_that_the_kernel_can_take_back_is_not_counted(memory: dict[str, Any]) -> None:
    assert usage({"cpu_stats": CPU, "memory_stats": memory}) == Usage(cpu_seconds=2.5, memory_mib=60)


def test_an_engine_that_tells_no_details_is_taken_at_its_word() -> None:
    assert usage({"cpu_stats": CPU, "memory_stats": {"usage": 100 * _MIB}}).memory_mib == 100


def test_a_picture_is_as_high_as_its_dashboard() -> None:
    heights = {board.uid: height(board) for board in BOARDS}
    assert heights["infrastructure-monitoring"] > heights["business-metrics"] > 700


# ---------------------------------------------------------------------------- release check
# The table of `make release-check`: it is always printed, and a failing row fails the command.


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
