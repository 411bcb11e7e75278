"""Switches of the commands: variables that say yes or no, as in `make clean DRY_RUN=yes`."""

import os

from .console import Problem

_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def switch(name: str, *, default: bool = False) -> bool:
    """Tell whether the variable `name` of the environment says yes; `default` where it is not set.

    Raises:
        Problem: when it says neither yes nor no. What was meant is never guessed.
    """
    said = os.environ.get(name)
    if not said:
        return default
    if (meant := _WORDS.get(said.lower())) is None:
        raise Problem(f"{name} must be yes or no (also true, false, 1, 0); got {said!r}")
    return meant
