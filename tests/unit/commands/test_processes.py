"""Whether a process runs, as locks and PID files ask."""

import os
import subprocess
import sys

from slidegenie.processes import runs


def test_one_that_was_killed_does_not_run_before_anybody_asked_how_it_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert runs(process.pid)
    process.kill()
    # Waits for its end, and leaves its number taken.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert not runs(process.pid)
    process.communicate()
    assert not runs(process.pid)


def test_this_one_runs() -> None:
    assert runs(os.getpid())
