"""Renovate's configuration: its own checker accepts it, and it reads every file that names a version."""

import json
import re
import shutil
import subprocess

import pytest

from .plans import ROOT

CONFIG = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))
MANAGED = {
    "pip_requirements": r"(^|/)[\w-]*requirements([-.]\w+)?\.txt$",
    "gomod": r"(^|/)go\.mod$",
}
"""Files that Renovate's own managers read."""


@pytest.mark.skipif(
    shutil.which("renovate-config-validator") is None, reason="renovate-config-validator is not on PATH"
)
def test_renovates_own_checker_accepts_the_configuration() -> None:
    command = ["renovate-config-validator", "--strict", str(ROOT / "renovate.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_that_names_a_dependency_has_a_manager() -> None:
    assert set(CONFIG["enabledManagers"]) == {"custom.regex", *MANAGED}
    patterns = [pattern.strip("/") for m in CONFIG["customManagers"] for pattern in m["managerFilePatterns"]]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    names = re.compile(r"(^|/)(requirements[\w.-]*\.txt|go\.mod|package\.json|Dockerfile|[\w.-]+\.Dockerfile)$")
    files = [name for name in listed.stdout.splitlines() if names.search(name)]
    assert len(files) > 20
    unread = [f for f in files if not any(re.search(p, f) for p in (*patterns, *MANAGED.values()))]
    assert unread == []


def test_what_must_not_wait_does_not_wait() -> None:
    alerts = CONFIG["vulnerabilityAlerts"]
    assert (alerts["enabled"], alerts["schedule"], CONFIG["osvVulnerabilityAlerts"]) == (True, ["at any time"], True)
    # A rule for all images or folders would hold fixes back too, if it named them.
    assert not any("vulnerability" in json.dumps(rule).lower() for rule in CONFIG["packageRules"])
