"""Read the one file that names every third-party version."""

import functools
from pathlib import Path

import yaml

_FILE = Path(__file__).parents[2] / "versions.yaml"


@functools.cache
def _versions() -> dict[str, str]:
    loaded: dict[str, str] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def third_party(name: str) -> str:
    """Return the reference of the third-party image `name`, as `components/versions.yaml` has it."""
    return _versions()[name]


def third_parties() -> dict[str, str]:
    """Return every third-party image by its name."""
    return dict(_versions())
