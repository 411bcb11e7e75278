"""A reader that has seen enough: `make plan | head` ends without a complaint about the rest."""

import os
import sys
from collections.abc import Callable


def without_complaint(main: Callable[[], int]) -> int:
    """Run `main` and return its exit code, or 0 when whoever reads its output went away."""
    try:
        code = main()
        # What is still held back is written now, while the end of the pipe can be noticed.
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter writes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
