"""Durations in the one spelling that the Docker provider reads back."""

import pytest

from components.core.durations import go_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.001, "1ms"),
        (0.5, "500ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (2.05, "2.05s"),
        (10, "10s"),
        (30, "30s"),
        (59.999, "59.999s"),
        (60, "1m0s"),
        (90, "1m30s"),
        (600, "10m0s"),
        (3600, "1h0m0s"),
        (3661.25, "1h1m1.25s"),
    ],
)
def test_a_duration_reads_as_go_writes_it(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


@pytest.mark.parametrize("seconds", [0, -1, 0.0001, 1.0005])
def test_a_duration_that_cannot_be_written_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=rf"positive and in whole milliseconds, like 0.5; got {seconds}$"):
        go_duration(seconds)
