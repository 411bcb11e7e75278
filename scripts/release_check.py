"""`make release-check`: everything CONTRIBUTING.md asks for, and the table that goes into the pull request.

`python -m scripts.release_check [--stack STACK] [--only ROW,...]`
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from components.core.assets import asset
from components.images.supply_chain.tools import Toolset
from components.images.variants import VARIANTS
from components.settings import SettingsError
from slidegenie.console import echo, info, warn, without_complaint
from slidegenie.engine.docker import docker, plugin
from slidegenie.plan import UnknownStackError
from slidegenie.plan.program import StackProgram, stack_names
from slidegenie.pulumi.command_line import find_pulumi

from .markdown import table_row

ROOT = Path(__file__).resolve().parents[1]
_LOGS = ROOT / ".release-check"
_REPOSITORY = "slidegenie-release/backend"
_Missing = Callable[[], str | None]


class Outcome(Enum):
    """How a row ended."""

    PASSED = "passed"
    FAILED = "**FAILED**"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """One thing that is looked at."""

    key: str
    """Short name, for `--only` and the log."""
    what: str
    """What it shows."""
    command: Sequence[str]
    """Program and arguments, run in the checkout."""
    figure: str
    """Pattern of what is worth a column; the last match in the output counts."""
    counted: str = ""
    """What the matches are; their number is shown then, and not the last of them."""
    missing: _Missing = lambda: None
    """Why it cannot run here; `None` when it can."""


@dataclass(frozen=True)
class Result:
    """What became of a row."""

    row: CheckRow
    outcome: Outcome
    figure: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every row, print the table whatever happens, and return 1 when a row failed."""
    parser = argparse.ArgumentParser(prog="make release-check", description=__doc__)
    parser.add_argument("--stack", default="dev", help="whose base images and scan policy (dev)")
    parser.add_argument("--only", default="", help="rows to run, with commas (all)")
    options = parser.parse_args(arguments)
    try:
        table = rows(options.stack)
    except (SettingsError, UnknownStackError) as error:
        warn(str(error))
        return 2
    only = {key for key in options.only.split(",") if key}
    if unknown := only - {row.key for row in table}:
        warn(f"--only {', '.join(sorted(unknown))}: no such row; there are {', '.join(row.key for row in table)}")
        return 2
    return run(table, only)


def run(table: Sequence[CheckRow], only: set[str], logs: Path = _LOGS) -> int:
    """Run the rows in `only`, or all; print the table and return the exit code."""
    logs.mkdir(exist_ok=True)
    results: list[Result] = []
    try:
        for row in table:
            if only and row.key not in only:
                results.append(Result(row, Outcome.SKIPPED, "not asked for"))
            elif reason := row.missing():
                results.append(Result(row, Outcome.SKIPPED, reason))
            else:
                info(f"{row.key}: {row.what}")
                results.append(_run(row, logs / f"{row.key}.log"))
    except KeyboardInterrupt:
        results.append(Result(table[len(results)], Outcome.FAILED, "interrupted"))
    results += [Result(row, Outcome.SKIPPED, "interrupted before it") for row in table[len(results) :]]
    echo("\n" + markdown(results))
    return 1 if any(result.outcome is Outcome.FAILED for result in results) else 0


def markdown(results: Sequence[Result]) -> str:
    """Return the table to paste."""
    lines = ["| what | result | figure |", "|---|---|---|"]
    lines += [table_row(r.row.what, r.outcome.value, r.figure) for r in results]
    return "\n".join(lines)


def rows(stack: str) -> list[CheckRow]:
    """Return what is looked at, with the base images and the scan policy of a stack."""
    python, policy = sys.executable, StackProgram.read(ROOT, stack).settings.supply_chain.scan_policy
    images = [f"{_REPOSITORY}:{variant.name}" for variant in VARIANTS]
    plans = stack_names(ROOT)
    registry, _, name = _REPOSITORY.partition("/")
    pytest = [python, "-m", "pytest", "-q", "-rs"]
    planning = "; ".join(
        f"echo {name}; {shlex.quote(python)} -m slidegenie plan --stack {name} --json >/dev/null; echo planned"
        for name in map(shlex.quote, plans)
    )
    tests = r"\d+ (?:passed|failed|skipped)[^=\n]*"
    return [
        CheckRow(key="check", what="`make check`: lint, types, unit tests", command=["make", "check"], figure=tests),
        CheckRow(
            key="generated",
            what="Generated files are fresh",
            command=[python, "-m", "scripts.generate", "--check"],
            figure=r"\d+ .*",
        ),
        CheckRow(
            key="plan",
            what=f"The plan of every stack ({', '.join(plans)})",
            command=["bash", "-ec", planning],
            figure="planned",
            counted="stacks",
        ),
        CheckRow(
            key="production",
            what="The production deployment: its Compose file is valid",
            command=[
                "bash",
                "-ec",
                "set -o pipefail; DOCKER_GID=0 docker compose -f docker-compose.prod.yml config --services | sort -u",
            ],
            figure=r"\w[\w-]*$",
            counted="services",
            missing=_without_compose,
        ),
        CheckRow(
            key="images",
            what=f"Image matrix: {len(VARIANTS)} images build",
            command=[
                *("scripts/build-images.sh", "--registry", registry, "--name", name, "--version", "release-check"),
                *("--all", "--no-scan", "--stack", stack),
            ],
            figure=r"\[\d+/\d+\]",
            missing=_without_docker,
        ),
        CheckRow(
            key="structure",
            what="Structure tests of the images: user, layers, size, health",
            command=[*pytest, "tests/engine/test_images.py"],
            figure=tests,
            missing=_without_docker,
        ),
        CheckRow(
            key="scan",
            what=f"Scan of the images ({policy or 'security/trivy-scan.yml'})",
            command=[
                *(
                    python,
                    "-m",
                    "components.images.supply_chain",
                    "--policy",
                    policy or asset("security", "trivy-scan.yml"),
                ),
                *("--output", str(_LOGS / "reports"), "--no-sbom", *images),
            ],
            figure=r"\d+ stopping, ",
            counted="images, nothing from the threshold on",
            missing=_without_trivy,
        ),
        CheckRow(
            key="engine",
            what="Engine tests: a platform on Docker",
            command=[*pytest, "tests/engine", "--ignore=tests/engine/test_images.py"],
            figure=tests,
            missing=_without_docker,
        ),
        CheckRow(
            key="pulumi",
            what="Pulumi tests: rollouts, rollbacks, faults",
            command=[*pytest, "tests/pulumi"],
            figure=tests,
            missing=_without_pulumi,
        ),
    ]


def _run(row: CheckRow, log: Path) -> Result:
    started = time.monotonic()
    # Rows must not find what an earlier shell has set up for one stack.
    env = {name: value for name, value in os.environ.items() if name not in ("STACK", "MAKEFLAGS", "MAKELEVEL")}
    try:
        done = subprocess.run(  # noqa: S603 - no shell but our own
            row.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return Result(row, Outcome.FAILED, f"could not be started: {error.strerror}")
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    took = f"{time.monotonic() - started:.0f} s"
    if done.returncode != 0:
        warn(f"{row.key} failed: {log}")
        return Result(row, Outcome.FAILED, f"exit code {done.returncode}, {took}, log {log.name}")
    figures = re.findall(row.figure, done.stdout, re.MULTILINE)
    return Result(row, Outcome.PASSED, f"{_figure(row, figures)}{took}")


def _figure(row: CheckRow, figures: Sequence[str]) -> str:
    """Return the last figure, or how many there were."""
    if row.counted:
        return f"{len(figures)} {row.counted}, "
    if not figures:
        return ""
    # The time a test run took is in the column already.
    return f"{re.sub(r' in [0-9.]+s.*', '', figures[-1]).strip('= ')}, "


def _without_docker() -> str | None:
    if shutil.which("docker") is None:
        return "Docker is not installed"
    return None if docker("version", check=False).returncode == 0 else "no Docker engine answers"


def _without_compose() -> str | None:
    if shutil.which("docker") is None:
        return "Docker is not installed"
    return None if plugin("compose") else "Docker Compose v2 is not installed"


def _without_trivy() -> str | None:
    if Toolset.on_path("trivy") is None:
        return "trivy is not on PATH; scripts/install-supply-chain-tools.sh trivy builds it"
    return _without_docker()


def _without_pulumi() -> str | None:
    return _without_docker() or (None if find_pulumi() else "the Pulumi command line is not here")


if __name__ == "__main__":
    sys.exit(without_complaint(main))
