"""The measuring scripts, where they decide something; they themselves need an engine."""

from typing import Any

import pytest

from bench.dashboard_pictures import height
from bench.monitoring_idle import Usage, usage
from components.monitoring.boards import BOARDS

_MIB = 2**20
CPU = {"cpu_usage": {"total_usage": 2_500_000_000}}


@pytest.mark.parametrize(
    "memory",
    [
        {"usage": 100 * _MIB, "stats": {"inactive_file": 40 * _MIB}},
        {"usage": 100 * _MIB, "stats": {"total_inactive_file": 40 * _MIB, "cache": 90 * _MIB}},
    ],
    ids=["control groups 2", "control groups 1"],
)
def test_memory_that_the_kernel_can_take_back_is_not_counted(memory: dict[str, Any]) -> None:
    assert usage({"cpu_stats": CPU, "memory_stats": memory}) == Usage(cpu_seconds=2.5, memory_mib=60)


def test_an_engine_that_tells_no_details_is_taken_at_its_word() -> None:
    assert usage({"cpu_stats": CPU, "memory_stats": {"usage": 100 * _MIB}}).memory_mib == 100


def test_a_picture_is_as_high_as_its_dashboard() -> None:
    heights = {board.uid: height(board) for board in BOARDS}
    assert heights["infrastructure-monitoring"] > heights["business-metrics"] > 700
