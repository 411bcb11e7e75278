"""What all tests share."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

Figures = Callable[[str], None]
"""Takes a line with what a test measured, for whoever reads what the run printed."""
_FIGURES = "figures"

_ENGINE_SECONDS = 1800
"""A stuck engine must not hold up everything; no test is judged by its duration."""


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Keep lines with what the test measured: they are printed after the last test."""
    return lambda line: record_property(_FIGURES, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests measured."""
    # The last report of a test has what its fixtures measured, too.
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {line}"
        for report in reports
        if getattr(report, "when", None) == "teardown"
        for name, line in report.user_properties
        if name == _FIGURES
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that build images and roll out the time they need."""
    for item in items:
        if item.get_closest_marker("engine") or item.get_closest_marker("pulumi"):
            item.add_marker(pytest.mark.timeout(_ENGINE_SECONDS))


class OnePlatformAtATime(LoadScopeScheduling):  # type: ignore[misc]
    """Gives all tests of one platform, or of one engine, to one worker, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.partition("::")[0])
        # Files with a number share what their folder has, in that order; so do all that are in a folder of their own.
        shared = re.match(r"test_\d", file.name) or file.parent.name != "engine"
        return str(file.parent if shared else file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OnePlatformAtATime | None:
    """Let tests of several platforms run side by side."""
    return OnePlatformAtATime(config, log) if config.getvalue("dist") == "loadscope" else None
