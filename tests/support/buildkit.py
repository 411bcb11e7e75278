"""Which BuildKit is here: some of what images are tested for takes a newer one than Debian's Docker has."""

import re
import subprocess

from slidegenie.engine.buildx import Builder

Version = tuple[int, int]


def selected() -> tuple[Builder, Version]:
    """Return the builder that is in use here (`docker buildx use`, BUILDX_BUILDER), started, and its version."""
    said = _said("buildx", "inspect", "--bootstrap")
    (name,) = re.findall(r"^Name:\s+(\S+)$", said, re.MULTILINE)[:1]
    return Builder.find(name), _version(r"^BuildKit version:\s+v?(\d+)\.(\d+)", said)


def buildx() -> Version:
    """Return the version of buildx."""
    return _version(r"\bv?(\d+)\.(\d+)", _said("buildx", "version"))


def _version(pattern: str, said: str) -> Version:
    found = re.search(pattern, said, re.MULTILINE)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _said(*args: str) -> str:
    return subprocess.run(["docker", *args], capture_output=True, text=True, check=True).stdout  # noqa: S607
