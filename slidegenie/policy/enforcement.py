"""The container policy on the command line: judge a stack's plan, or what really runs."""

import datetime
import json
from dataclasses import replace
from typing import Any

from components.core.policy import ContainerPolicy, load_policy, parse
from components.settings import Enforcement, PolicySettings

from ..console import Problem, echo, info, warn
from ..engine.docker import containers, docker
from ..engine.start import ensure_engine
from ..maintenance.textfile import publish
from ..plan import Plan, StackProgram
from .judge import PolicyResult, judge, report, report_undecided, report_violations, summary
from .subjects import (
    ENGINE_NETWORKS,
    facts_of,
    judge_plan,
    judged_container,
    judged_network,
    judged_volume,
    metrics,
    zones_of,
)

_METRICS_FILE = "policy.prom"


def judge_stack(program: StackProgram, plan: Plan, *, live: bool) -> None:
    """Judge a plan, or what runs of it where `live`, and print what breaks the policy.

    Raises:
        Problem: when something does, and the stack's policy is mandatory.
    """
    settings = policy_settings(program)
    policy = load_policy(settings, program.root)
    outcome = judge_running(plan, policy) if live else judge_plan(plan, policy, _today())
    for line in report(outcome):
        echo(line)
    result = f"policy, {'running containers' if live else 'plan'} of stack {plan.stack}: {summary(outcome)}"
    if outcome.violations and settings.enforcement is Enforcement.MANDATORY:
        raise Problem(f"{result}; it is mandatory here (policy.enforcement)")
    info(result)


def enforce(program: StackProgram, plan: Plan) -> None:
    """Judge a plan before it is carried out.

    Raises:
        Problem: when it breaks the policy, and the stack's policy is mandatory. Nothing was changed then.
    """
    settings = policy_settings(program)
    if settings.enforcement is Enforcement.DISABLED:
        return
    outcome = judge_plan(plan, load_policy(settings, program.root), _today())
    for line in report_undecided(outcome):
        warn(line)
    if not outcome.violations:
        return
    lines = list(report_violations(outcome))
    if settings.enforcement is Enforcement.MANDATORY:
        refused = f"stack {plan.stack} breaks the container policy, nothing was changed: {summary(outcome)}"
        raise Problem("\n".join([refused, *lines, "docs/policy.md tells how to write an exception"]))
    for line in lines:
        warn(line)
    info(f"the container policy is advisory in stack {plan.stack} and stops nothing: {summary(outcome)}")


def policy_settings(program: StackProgram) -> PolicySettings:
    """Return the settings of the policy; a program of its own may have no other section of ours."""
    return parse(PolicySettings, program.section("policy"), program.file)


def judge_running(plan: Plan, policy: ContainerPolicy) -> PolicyResult:
    """Judge what runs of the stack, and leave the result for the Security dashboard.

    Raises:
        Problem: when nothing of it is on this engine.
    """
    ensure_engine()
    label = plan.label
    running = containers(label, everything=True)
    if not running:
        raise Problem(f"nothing of stack {plan.stack} is on this engine: `make up STACK={plan.stack}` brings it up")
    cgroup_v2 = docker("info", "--format", "{{.CgroupVersion}}").stdout.strip() == "2"
    networks = _networks(running)
    facts = replace(facts_of(plan), zones=zones_of(networks))
    subjects = [
        *(judged_container(c, cgroup_v2=cgroup_v2, facts=facts) for c in running),
        *map(judged_volume, _volumes(running)),
        *map(judged_network, networks),
    ]
    outcome = judge((subject for subject in subjects if subject is not None), policy, _today())
    publish(label, _METRICS_FILE, metrics(outcome))
    return outcome


def _volumes(running: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {mount["Name"] for container in running for mount in container["Mounts"] if mount["Type"] == "volume"}
    return _inspected("volume", names)


def _networks(running: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {name for container in running for name in container["NetworkSettings"]["Networks"]}
    return _inspected("network", names - ENGINE_NETWORKS)


def _inspected(what: str, names: set[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(docker(what, "inspect", *sorted(names)).stdout) if names else []
    return found


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
