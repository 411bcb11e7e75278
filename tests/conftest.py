"""What all tests share."""

from collections.abc import Callable

import pytest

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
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {line}"
        for report in reports
        if report.when == "call"
        for name, line in report.user_properties
        if name == _FIGURES
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that build images and roll out the time they need, and tests of one platform one worker."""
    for item in items:
        if item.get_closest_marker("engine") or item.get_closest_marker("pulumi"):
            item.add_marker(pytest.mark.timeout(_ENGINE_SECONDS))
        item.add_marker(pytest.mark.xdist_group(_shared(item)))


def _shared(item: pytest.Item) -> str:
    """Return what the test has in common with others, which therefore wait for each other: a platform or an engine."""
    fixtures = set(getattr(item, "fixturenames", ()))
    if fixtures & {"workspace", "edge"}:
        return str(item.path.parent)
    return "own_engine" if fixtures & {"struck", "shared_host"} else str(item.path)
