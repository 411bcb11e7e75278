"""What a Dockerfile says of itself: its stages."""

import re
from pathlib import Path

import pulumi

from .settings import SettingsError

_NAMED_STAGE = re.compile(r"^[ \t]*FROM[ \t].*[ \t]AS[ \t]+(\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE)


def stage_to_build(dockerfile: str, *, asked: str | None, preferred: str) -> str | None:
    """Return the stage of `dockerfile` to build: the one `asked` for, else `preferred` if it is there, else the last.

    The last one is `None`: it needs no name.

    Raises:
        SettingsError: when the file cannot be read, or has no such stage.
    """
    try:
        text = Path(dockerfile).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise _refused(
            f"dockerfile: cannot be read ({error.strerror}); got {dockerfile!r},"
            " correct backend.context, or give the file's path below it here"
        ) from None
    # Docker compares them in lower case.
    stages = [name.lower() for name in _NAMED_STAGE.findall(text)]
    if asked is None:
        return preferred if preferred in stages else None
    if asked.lower() not in stages:
        known = f"it has {', '.join(stages)}" if stages else "none of its stages has a name: remove the key"
        raise _refused(f"stage: is no stage of {dockerfile}; got {asked!r}, {known}")
    return asked.lower()


def _refused(rule: str) -> SettingsError:
    return SettingsError(f"Pulumi.{pulumi.get_stack()}.yaml", [f"backend.{rule}"])
