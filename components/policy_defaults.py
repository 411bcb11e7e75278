"""The limits that the policy file gives where settings give none. Apart: the policy needs the settings."""

import functools
from pathlib import Path
from typing import Any

import yaml

from .assets import asset


@functools.cache
def hardening_default(key: str) -> Any:
    """Return what `hardening` in the library's own `security/container-security.yml` says about `key`."""
    loaded = yaml.safe_load(Path(asset("security", "container-security.yml")).read_text(encoding="utf-8"))
    return loaded["hardening"][key]
