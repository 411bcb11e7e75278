"""Where the Dockerfiles and other data files are: beside the package in a checkout, inside it in a wheel."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "assets"
_ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


def asset(*parts: str) -> str:
    """Return the path of a data file, relative to the working directory where it is below it.

    A relative path keeps the state the same for everybody who has a checkout somewhere else.
    """
    path = _ROOT.joinpath(*parts)
    if path.is_relative_to(here := Path.cwd().resolve()):
        return os.path.relpath(path, here)
    return str(path)
