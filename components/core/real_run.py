"""What runs this program: Pulumi, or somebody who only wants to know what it declares."""

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor


def speaks_to_an_engine() -> bool:
    """Tell whether resources are a real engine's: a plan and a test have none."""
    return not isinstance(get_monitor(), MockMonitor)


def is_real_run() -> bool:
    """Tell whether anything is changed: not in a preview, a plan or a test."""
    return speaks_to_an_engine() and not pulumi.runtime.is_dry_run()
