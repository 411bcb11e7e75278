"""A job that fails stops what comes after it, and says why."""

import pulumi
import pytest

from components import ContainerArgs, Foundation, Job, Limits, Zone

from .watching import watched

LOGS = "\n".join(f"line {number}" for number in range(1, 21))


def job(base: Foundation) -> Job:
    args = ContainerArgs(
        foundation=base, service="migrate", image="app:1", zones=[Zone.DATA], limits=Limits(memory_mib=64)
    )
    return Job("migrate", args)


def test_what_comes_after_a_job_runs_its_image() -> None:
    images: list[str] = []
    watched(lambda base: job(base).image.apply(images.append), {"migrate": {"exitCode": 0}})

    assert images == ["app:1"]


def test_a_job_that_fails_stops_the_rollout_with_its_last_lines() -> None:
    images: list[str] = []
    with pytest.raises(pulumi.RunError) as caught:
        watched(lambda base: job(base).image.apply(images.append), {"migrate": {"exitCode": 3, "containerLogs": LOGS}})

    tail = "\n".join(f"  line {number}" for number in range(6, 21))
    assert str(caught.value) == (
        "job migrate ended with exit code 3; nothing was replaced. Its last lines:\n"
        f"{tail}\n"
        "Once the cause is fixed, `make up` runs it again, as does `pulumi up --replace` with its URN."
    )
    assert images == []


def test_a_job_that_fails_without_a_word_is_told_too() -> None:
    with pytest.raises(pulumi.RunError, match=r"^job migrate ended with exit code 137; nothing was replaced"):
        watched(job, {"migrate": {"exitCode": 137, "containerLogs": None}})
