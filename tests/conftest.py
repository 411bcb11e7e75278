"""What all tests share."""

import pytest

_ENGINE_SECONDS = 1800
"""A stuck engine must not hold up everything; no test is judged by its duration."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that build images and roll out the time they need."""
    for item in items:
        if item.get_closest_marker("engine") or item.get_closest_marker("pulumi"):
            item.add_marker(pytest.mark.timeout(_ENGINE_SECONDS))
