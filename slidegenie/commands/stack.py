"""The commands that bring a stack up, change it and take it away: each a few steps, told as they happen."""

import os
from collections.abc import Callable

from pulumi.automation import PulumiCommand

from ..addresses import show_addresses
from ..compose.stack import ComposeStack
from ..console import NotBroughtUp, Problem, confirmed, say, show
from ..context import NO_PULUMI, ROOT, Request, chosen, pulumi_stack
from ..engine import preflight
from ..engine.edge_check import wait_until_served
from ..engine.foreign_data import refuse_foreign_data
from ..engine.remains import remains, tell_folders
from ..engine.start import ensure_engine
from ..images import airgap
from ..images.newer import moved_images
from ..plan import Plan, plan_stack
from ..plan.program import project_name, stack_settings
from ..policy.enforcement import enforce
from ..pulumi.command_line import find_pulumi
from ..pulumi.stack import PulumiStack
from ..rollout.image_record import image_record, note_rollout
from ..rollout.protection import let_go
from ..rollout.rollout import refuse_another_owner, refuse_to_refresh, roll_out, show_changes, sweep
from ..runner import owner
from ..switch import switch
from ..user_folder import Home
from .releases import history_of


def up(request: Request) -> None:
    """Bring the platform up, or to what its settings say now."""
    home = Home.open()
    newest = switch("NEWEST")
    plan = _judged(chosen(request)[0])
    ensure_engine()
    airgap.run_script(ROOT, "install-docker-plugins.sh")
    # Where something was brought up before, another stack would not be what is meant.
    plan = _with_images(plan, may_fall_back=request.stack is None and home.current() is None, newest=newest)
    preflight.prepare_folders(plan)
    command = _pulumi_for(request, plan.stack)
    if command:
        _up_with_pulumi(PulumiStack(ROOT, plan.stack, home, command), plan, home, newest=newest)
    else:
        say(f"rolling out stack {plan.stack} with Docker Compose, from the same plan; its rollouts pause requests")
        ComposeStack(ROOT, plan.stack, home).up(begins=lambda: home.remember(plan.stack, "compose"))
    note_rollout(image_record(home, plan.label), plan, ROOT, newest=newest)
    wait_until_served(plan)
    show_addresses(plan)


def _up_with_pulumi(pulumi: PulumiStack, plan: Plan, home: Home, *, newest: bool) -> None:
    say(f"rolling out stack {plan.stack} with Pulumi")
    pulumi.open(make=True)
    history = history_of(pulumi)
    refuse_foreign_data(plan, pulumi.state().opens)

    def begins() -> None:
        home.remember(plan.stack, "pulumi")
        history.begin()

    let_go(pulumi, plan)
    moved = moved_images(pulumi.state(), image_record(home, plan.label))
    if moved and not newest:
        names = ", ".join(sorted(set(moved.values())))
        say(f"this engine has newer images than the stack was made from ({names}); `make up NEWEST=1` rolls them out")
    show_changes(roll_out(pulumi, plan.label, list(moved) if newest else (), begins=begins))
    history.came_up()


def preview(request: Request) -> None:
    """Show what `make up` would change; changes nothing."""
    name, _ = chosen(request)
    # Before anything else, so that mistakes in the settings are named.
    plan_stack(ROOT, name)
    ensure_engine()
    command = _pulumi_for(request, name)
    if command is None:
        ComposeStack(ROOT, name, Home.open()).preview()
        return
    pulumi = PulumiStack(ROOT, name, Home.open(), command)
    pulumi.open(make=True)
    show(pulumi.preview(diff=True))


def drift(request: Request) -> None:
    """Show what was changed outside of the platform; changes nothing."""
    show(_with_state(request).drift())


def refresh(request: Request) -> None:
    """Take over into the state what was changed outside; refuses while a broken rollout is open."""
    pulumi = _with_state(request)
    refuse_to_refresh(pulumi.state())
    show(pulumi.refresh())


def down(request: Request) -> None:
    """Remove containers and networks; data, generated secrets and certificates stay."""
    name, engine = chosen(request)
    ensure_engine()
    say(f"taking stack {name} down; data and secrets stay")
    if engine == "compose":
        ComposeStack(ROOT, name, Home.open()).down()
    else:
        show_changes(_swept(name).down().changes)


def destroy(request: Request) -> None:
    """Remove everything of the stack, data too. Asks first."""
    name, engine = chosen(request)
    if os.environ.get("CONFIRM") != name and not confirmed(f"This deletes all data of stack {name} for good.", name):
        raise Problem(f"nothing was deleted: type the stack's name when asked, or run `make destroy CONFIRM={name}`")
    ensure_engine()
    with_backups = os.environ.get("BACKUPS") == "delete"
    try:
        kept = (_destroy_compose if engine == "compose" else _destroy_pulumi)(name, with_backups=with_backups)
    except NotBroughtUp:
        # Somebody destroyed it another way: what this home remembers of it must not stand in the way for ever.
        label = f"{project_name(ROOT)}/{name}"
        if Home.open().engine(name) is None or remains(label, "container", "network", "volume", backups=True):
            raise
        say(f"stack {name} is gone already, and is forgotten")
        kept = False
    if kept:
        say("the backups and their password stay; `make destroy BACKUPS=delete` removes them too")
    tell_folders(plan_stack(ROOT, name))
    Home.open().forget(name)


def _destroy_compose(name: str, *, with_backups: bool) -> bool:
    """Remove a stack that Compose runs; return whether backups stay."""
    compose = ComposeStack(ROOT, name, Home.open())
    kept = compose.backups() and not with_backups
    compose.destroy(with_backups=with_backups)
    return kept


def _destroy_pulumi(name: str, *, with_backups: bool) -> bool:
    """Remove a stack that Pulumi runs; return whether backups stay."""
    pulumi = _swept(name)
    kept = bool(pulumi.state().backups()) and not with_backups
    show_changes(pulumi.destroy(with_backups=with_backups).changes)
    history_of(pulumi).forget()
    return kept


def engine(_request: Request) -> None:
    """Get a Docker engine to answer: installed where it is missing, started where it is stopped."""
    ensure_engine()


def _with_state(request: Request) -> PulumiStack:
    """Return the stack whose state says how things should be.

    Raises:
        Problem: when there is none.
    """
    name, engine = chosen(request)
    if engine == "compose":
        raise Problem(
            f"stack {name} runs with Docker Compose, which keeps no state to compare with: `make policy LIVE=1` judges"
            " what runs, and `make up` makes again what is gone"
        )
    return pulumi_stack(name)


def _swept(name: str) -> PulumiStack:
    """Return the stack without what a killed rollout left: the files that it uses could not be removed.

    Raises:
        Problem: when what runs is not this state's, or an update is under way.
    """
    pulumi = pulumi_stack(name)
    # What a running update has just made looks like what a killed one left.
    pulumi.refuse_while_locked()
    state = pulumi.state()
    refuse_another_owner(pulumi.label, state.container_ids())
    sweep(state, pulumi.label)
    return pulumi


def _judged(stack: str) -> Plan:
    """Return the plan of a stack that may be carried out."""
    plan = plan_stack(ROOT, stack)
    preflight.check_certificate(stack_settings(ROOT, stack))
    enforce(ROOT, plan)
    return plan


def _with_images(plan: Plan, *, may_fall_back: bool, newest: bool) -> Plan:
    """Return the plan whose images are all there: the one that was asked for, or the one without registries."""
    # First: on a host that cannot have the platform nothing is pulled, and nothing built for a quarter of an hour.
    preflight.check_host(plan)
    airgap.build_images(ROOT, preflight.needed_images(plan))
    record = image_record(Home.open(), plan.label)
    try:
        for image in preflight.pull_images(plan, newest=newest):
            record.note_pulled(image)
    except preflight.RegistryUnreachableError as error:
        if not may_fall_back:
            raise Problem(f"{error}; `make up STACK={airgap.STACK}` needs no registry") from None
        for line in str(error).splitlines():
            say(line)
        say(f"no image registry can be reached: using stack {airgap.STACK}, whose images are built from packages")
        return _with_images(_judged(airgap.STACK), may_fall_back=False, newest=False)
    return plan


def _pulumi_for(request: Request, stack: str) -> PulumiCommand | None:
    """Return the Pulumi command line that carries the plan out, or `None` for Docker Compose.

    A stack stays with what brought it up: the other one would not know its passwords.

    Raises:
        Problem: when it has to be Pulumi, and Pulumi cannot be had.
    """
    brought_up = owner(Home.open(), stack, f"{project_name(ROOT)}/{stack}", request.engine)
    engine = request.engine
    if engine == "auto" and brought_up == "compose":
        say(f"stack {stack} runs with Docker Compose and stays with it")
        engine = "compose"
    command = find_pulumi() if engine != "compose" else None
    if command is None and engine == "pulumi":
        raise Problem(NO_PULUMI)
    if command is None and engine == "auto" and brought_up == "pulumi":
        raise Problem(
            f"stack {stack} was brought up with Pulumi, which cannot be used here now, so nothing was changed;"
            f" {NO_PULUMI}"
        )
    return command


COMMANDS: dict[str, Callable[[Request], None]] = {
    command.__name__.removeprefix("list_"): command for command in (up, preview, drift, refresh, down, destroy, engine)
}
"""These commands by their names."""
