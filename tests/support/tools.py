"""Tools of the tests that would quarrel with what the platform is locked to: each in an environment of its own."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .workspace import ROOT

_CACHE = Path(os.environ.get("SLIDEGENIE_CACHE", Path.home() / ".cache" / "slidegenie")) / "tools"


def tool(name: str) -> str:
    """Return the command `name`, installed from `tests/tools/<name>.txt` when that was not done before; or skip."""
    locked = ROOT / "tests" / "tools" / f"{name}.txt"
    folder = _CACHE / f"{name}-{hashlib.sha256(locked.read_bytes()).hexdigest()[:16]}"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _install(folder, locked)
    return str(folder / "bin" / name)


def _install(folder: Path, locked: Path) -> None:
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True, check=False)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--require-hashes", "--requirement", str(locked)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False) if made.returncode == 0 else made
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"{locked.stem} cannot be installed here: {(done.stderr or done.stdout).strip()[-300:]}")
