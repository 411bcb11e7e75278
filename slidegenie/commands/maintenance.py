"""The commands that keep a host in order, by hand or by the timers that `schedule` installs."""

from collections.abc import Callable
from dataclasses import dataclass

from components.core.policy.load import load_policy
from components.settings import Enforcement, Settings

from ..console import Problem, say, show, warn
from ..context import ROOT, Request, chosen
from ..engine import preflight
from ..engine.start import ensure_engine
from ..images import scanning
from ..maintenance import cleaning, timers
from ..maintenance import freshness as fresh
from ..maintenance.ledger import Ledger, Task
from ..maintenance.textfile import publish
from ..plan import Plan, plan_stack
from ..plan.program import stack_settings
from ..policy.enforcement import judge_running, judge_stack
from ..policy.report import report, summary
from ..rollout.image_record import image_record
from ..user_folder import Home


@dataclass(frozen=True)
class _Work:
    """What every task here works on."""

    plan: Plan
    settings: Settings
    home: Home
    engine: str

    @classmethod
    def of(cls, request: Request) -> "_Work":
        name, engine = chosen(request)
        return cls(plan_stack(ROOT, name), stack_settings(ROOT, name), Home.open(), engine)

    @property
    def ledger(self) -> Ledger:
        return Ledger.of(self.home.folder("maintenance"), self.plan.label)

    def tell(self, file: str, text: str) -> None:
        """Hand metrics to the monitoring, where there is one."""
        if not publish(self.plan.label, file, text):
            say("there is no monitoring in this stack: nobody is told but you")

    def done(self, task: Task) -> None:
        self.ledger.succeeded(task)
        self.tell("maintenance.prom", self.ledger.metrics())


def scan(request: Request) -> None:
    """Scan the images of every container that runs, judge the containers by the policy, and tell the monitoring."""
    work = _Work.of(request)
    ensure_engine()
    _judge(work)
    found = scanning.scan_running(work.plan.label, work.settings)
    work.tell("scan.prom", scanning.text(found, work.ledger))
    if failed := [one.image for one in found if one.failed]:
        raise Problem(f"{len(failed)} of {len(found)} images could not be scanned: {', '.join(failed)}")
    work.done(Task.SCAN)


def _judge(work: _Work) -> None:
    if work.settings.policy.enforcement is Enforcement.DISABLED:
        return
    verdict = judge_running(work.plan, load_policy(work.settings.policy, ROOT))
    for line in report(verdict):
        warn(line)
    say(f"policy, running containers of stack {work.plan.stack}: {summary(verdict)}")


def clean(request: Request) -> None:
    """Remove the stack's own unused containers, images and build cache; DRY_RUN=1 only says which."""
    work = _Work.of(request)
    ensure_engine()
    record = image_record(work.home, work.plan.label)
    known = cleaning.known_containers(work.plan, work.home, work.engine, ROOT)
    if cleaning.clean(work.plan, work.settings, record, known):
        work.done(Task.CLEAN)


def freshness(request: Request) -> None:
    """Ask the registries whether there are newer images under the names the stack uses."""
    work = _Work.of(request)
    ensure_engine()
    found = [fresh.ask(image) for image in preflight.needed_images(work.plan)]
    width = max(len(one.image) for one in found)
    for one in found:
        built = f"built {one.created:%Y-%m-%d}" if one.created else ""
        show(f"    {one.image:<{width}}  {built:<16}  {one.answer.value}{f': {one.reason}' if one.reason else ''}")
    work.tell("freshness.prom", fresh.text(found))
    if silent := [one.image for one in found if one.answer is fresh.Answer.SILENT]:
        raise Problem(f"{len(silent)} of {len(found)} images could not be looked up; the table says why")
    if any(one.answer is fresh.Answer.OUTDATED for one in found):
        warn("`make up NEWEST=1` takes the newer ones; what is exact in components/versions.yaml, Renovate renews")
    work.done(Task.FRESHNESS)


def policy(request: Request) -> None:
    """Judge the stack by the container policy; with LIVE=1 what runs, else the plan. Changes nothing."""
    judge_stack(ROOT, chosen(request)[0])


def schedule(request: Request) -> None:
    """Install timers of this host for scan, clean and freshness."""
    work = _Work.of(request)
    every = timers.install(work.plan.label, ROOT, work.settings.maintenance)
    work.ledger.scheduled(every)
    work.tell("maintenance.prom", work.ledger.metrics())


def unschedule(request: Request) -> None:
    """Remove the timers that `make schedule` installed."""
    work = _Work.of(request)
    timers.remove(work.plan.label)
    work.ledger.scheduled({})
    work.tell("maintenance.prom", work.ledger.metrics())


COMMANDS: dict[str, Callable[[Request], None]] = {
    command.__name__: command for command in (scan, clean, freshness, policy, schedule, unschedule)
}
"""These commands by their names."""
