"""Commands that keep a host in order, by hand or by the timers that `schedule` installs."""

from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from components.core.policy import load_policy
from components.settings import Enforcement

from ..console import Problem, echo, info, warn
from ..context import Context
from ..engine import preflight
from ..engine.start import ensure_engine
from ..maintenance import cleanup, scanning
from ..maintenance import freshness as fresh
from ..maintenance import schedule as schedules
from ..maintenance.records import Ledger, Task, image_record
from ..maintenance.textfile import publish
from ..policy.enforcement import judge_running, policy_settings
from ..policy.judge import report, summary
from .options import Engine, Stack


class _Work:
    """A task on a stack, which is written down and told to the monitoring."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.ledger = Ledger.of(context.user.folder("maintenance"), context.label)

    def publish(self, file: str, metrics: CollectorRegistry) -> None:
        """Hand metrics to the monitoring, where there is one."""
        if not publish(self.context.label, file, metrics):
            info("there is no monitoring in this stack: nobody is told but you")

    def publish_ledger(self) -> None:
        """Hand it when each task succeeded last."""
        self.publish("maintenance.prom", self.ledger.metrics())

    def done(self, task: Task) -> None:
        """Note that a task has succeeded."""
        self.ledger.succeeded(task)
        self.publish_ledger()


def scan(stack: Stack = None, engine: Engine = None) -> None:
    """Scan the images of every container that runs, judge the containers by the policy, and tell the monitoring."""
    work = _Work(Context.of(stack, engine))
    ensure_engine()
    _judge(work)
    found = scanning.scan_running(work.context.label, work.context.settings)
    work.publish("scan.prom", scanning.metrics(found, work.ledger))
    if failed := [one.image for one in found if one.failed]:
        raise Problem(f"{len(failed)} of {len(found)} images could not be scanned: {', '.join(failed)}")
    work.done(Task.SCAN)


def _judge(work: _Work) -> None:
    context = work.context
    settings = policy_settings(context.program)
    if settings.enforcement is Enforcement.DISABLED:
        return
    outcome = judge_running(context.plan, load_policy(settings, context.root))
    for line in report(outcome):
        warn(line)
    info(f"policy, running containers of stack {context.stack}: {summary(outcome)}")


def clean(
    stack: Stack = None,
    engine: Engine = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove the stack's own unused containers, images and build cache."""
    work = _Work(Context.of(stack, engine))
    context = work.context
    ensure_engine()
    record = image_record(context.user, context.label)
    cleanup.clean(context.plan, context.settings, record, context.runner.container_ids(), dry=dry_run)
    if not dry_run:
        work.done(Task.CLEAN)


def freshness(stack: Stack = None, engine: Engine = None) -> None:
    """Ask the registries whether there are newer images under the names the stack uses."""
    work = _Work(Context.of(stack, engine))
    ensure_engine()
    found = [fresh.ask(image) for image in preflight.needed_images(work.context.plan)]
    width = max((len(one.image) for one in found), default=0)
    for one in found:
        built = f"built {one.created:%Y-%m-%d}" if one.created else ""
        echo(f"    {one.image:<{width}}  {built:<16}  {one.answer.value}{f': {one.reason}' if one.reason else ''}")
    work.publish("freshness.prom", fresh.metrics(found))
    if silent := [one.image for one in found if one.answer is fresh.Answer.SILENT]:
        raise Problem(f"{len(silent)} of {len(found)} images could not be looked up; the table says why")
    if any(one.answer is fresh.Answer.OUTDATED for one in found):
        warn("`make up NEWEST=1` takes the newer ones; what is exact in components/versions.yaml, Renovate renews")
    work.done(Task.FRESHNESS)


def schedule(stack: Stack = None, engine: Engine = None) -> None:
    """Install timers of this host for scan, clean and freshness."""
    work = _Work(Context.of(stack, engine))
    every = schedules.install(work.context.label, work.context.root, work.context.settings.maintenance)
    work.ledger.scheduled(every)
    work.publish_ledger()


def unschedule(stack: Stack = None, engine: Engine = None) -> None:
    """Remove the timers that `make schedule` installed."""
    work = _Work(Context.of(stack, engine))
    schedules.remove(work.context.label)
    work.ledger.scheduled({})
    work.publish_ledger()
