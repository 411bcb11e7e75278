"""What the machine says of a process."""

import contextlib
import os
import re
from pathlib import Path

_ENDED = re.compile(r"^State:\s+[ZX]", re.MULTILINE)


def runs(process: int) -> bool:
    """Tell whether a process with this number runs.

    One that was killed has a number until its parent has asked how it ended; where the first process of a container
    never asks, that is for ever.
    """
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A system without /proc has a first process that asks.
    with contextlib.suppress(OSError):
        return not _ENDED.search(Path("/proc", str(process), "status").read_text(encoding="utf-8"))
    return True
