"""Commands that bring a stack up, look at it, judge it, change it and take it away."""

import sys
from pathlib import Path
from typing import Annotated

import rich.console
import typer

from ..compose.project import compose_project
from ..console import NotBroughtUp, Problem, echo, info
from ..context import Context
from ..engine import preflight
from ..engine.edge_check import show_addresses, wait_for_edge
from ..engine.ownership import remains, show_folders
from ..engine.start import ensure_engine
from ..images import airgap
from ..maintenance.cleanup import note_rollout
from ..maintenance.records import image_record
from ..plan.as_json import render_json
from ..plan.render import render_diagram, render_tree, tree_of
from ..policy.enforcement import enforce, judge_stack
from ..runner import PreviewOptions, UpOptions
from .options import Confirm, Engine, SavedPlan, Stack, refuse_unconfirmed

_NO_STATE = (
    "which keeps no state to compare with: `make policy LIVE=1` judges what runs, and `make up` makes again what is"
    " gone"
)


def up(
    stack: Stack = None,
    engine: Engine = None,
    *,
    newest: Annotated[bool, typer.Option("--newest", help="Take newer images under the names in use.")] = False,
    remove_data: Annotated[
        bool, typer.Option("--remove-data", help="Remove the data volumes that the settings no longer have.")
    ] = False,
    plan: SavedPlan = None,
) -> None:
    """Bring the platform up, or to what its settings say now; sets up whatever is missing."""
    context = _judged(Context.of(stack, engine))
    ensure_engine()
    airgap.install_docker_plugins(context.root)
    # Where something was brought up before, another stack would not be what is meant.
    context = _with_images(context, may_fall_back=not context.named and context.user.current() is None, newest=newest)
    preflight.prepare_folders(context.plan)
    context.rollout_runner().up(UpOptions(newest=newest, remove_protected=remove_data, plan=plan and plan.absolute()))
    note_rollout(image_record(context.user, context.label), context.plan, context.root, newest=newest)
    wait_for_edge(context.plan)
    show_addresses(context.plan)


def preview(
    stack: Stack = None,
    engine: Engine = None,
    *,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Fail where there is anything to change. Needs Pulumi.")
    ] = False,
    policy_pack: Annotated[
        Path | None,
        typer.Option("--policy-pack", metavar="FOLDER", help="Judge what Pulumi would do by this pack. Needs Pulumi."),
    ] = None,
    save_plan: Annotated[
        Path | None, typer.Option("--save-plan", metavar="FILE", help="Write it for `up --plan`. Needs Pulumi.")
    ] = None,
) -> None:
    """Show what `up` would change; changes nothing."""
    context = Context.of(stack, engine)
    # Before anything else, so that mistakes in the settings are named.
    _ = context.plan
    ensure_engine()
    options = PreviewOptions(
        expect_no_changes=expect_no_changes,
        policy_pack=policy_pack and policy_pack.absolute(),
        save_plan=save_plan and save_plan.absolute(),
    )
    context.rollout_runner().preview(options)


def plan(
    stack: Stack = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Every resource, for programs.")] = False,
    compose: Annotated[bool, typer.Option("--compose", help="The Docker Compose file.")] = False,
    diagram: Annotated[bool, typer.Option("--diagram", help="A Mermaid diagram.")] = False,
) -> None:
    """Show the whole platform: without Docker, network or Pulumi's command line, in seconds."""
    forms = [form for form, asked in (("json", json), ("compose", compose), ("diagram", diagram)) if asked]
    if len(forms) > 1:
        raise Problem(f"--{forms[0]} and --{forms[1]} are two forms of the plan: give one")
    context = Context.planned(stack)
    if compose:
        sys.stdout.write(compose_project(context.program).text)
    elif json:
        sys.stdout.write(render_json(context.plan, context.root))
    elif diagram:
        sys.stdout.write(render_diagram(context.plan))
    elif sys.stdout.isatty():
        rich.console.Console().print(tree_of(context.plan))
    else:
        sys.stdout.write(render_tree(context.plan))


def drift(
    stack: Stack = None,
    engine: Engine = None,
    *,
    expect_none: Annotated[bool, typer.Option("--expect-none", help="Fail where there is any.")] = False,
) -> None:
    """Show what was changed outside of the platform; changes nothing. Needs Pulumi."""
    echo(Context.of(stack, engine).pulumi(_NO_STATE).stack.drift(expect_none=expect_none))


def refresh(stack: Stack = None, engine: Engine = None) -> None:
    """Take over into the state what was changed outside. Needs Pulumi."""
    echo(Context.of(stack, engine).pulumi(_NO_STATE).stack.refresh())


def down(stack: Stack = None, engine: Engine = None) -> None:
    """Remove containers and networks; data, generated secrets and certificates stay."""
    context = Context.of(stack, engine)
    ensure_engine()
    info(f"taking stack {context.stack} down; data and secrets stay")
    context.runner.down()


def destroy(
    stack: Stack = None,
    engine: Engine = None,
    confirm: Confirm = None,
    *,
    backups: Annotated[bool, typer.Option("--backups", help="Delete the backups and their password, too.")] = False,
) -> None:
    """Remove everything of the stack, data too. Asks first."""
    context = Context.of(stack, engine)
    name = context.stack
    question = f"This deletes all data of stack {name} for good."
    refuse_unconfirmed(confirm, name, question, command="destroy", nothing="nothing was deleted")
    ensure_engine()
    try:
        kept = context.runner.destroy(with_backups=backups)
    except NotBroughtUp:
        # Somebody destroyed it another way: what this user's folder has of it must not stand in the way for ever.
        if context.user.runner(name) is None or remains(context.label, "container", "network", "volume", backups=True):
            raise
        info(f"stack {name} is gone already, and is forgotten")
        kept = False
    if kept:
        info("the backups and their password stay; `make destroy BACKUPS=delete` removes them too")
    show_folders(context.plan)
    context.user.forget(name)


def engine() -> None:
    """Get a Docker engine to answer: installed where it is missing, started where it is stopped."""
    ensure_engine()


def _judged(context: Context) -> Context:
    """Return the context, whose plan may be carried out."""
    plan = context.plan
    preflight.check_certificate(context.program)
    enforce(context.program, plan)
    return context


def _with_images(context: Context, *, may_fall_back: bool, newest: bool) -> Context:
    """Return the context whose images are all there: the one that was asked for, or that of the stack without any."""
    plan = context.plan
    # First: on a host that cannot have the platform nothing is pulled, and nothing built for minutes.
    preflight.check_host(plan)
    airgap.build_images(context.root, preflight.needed_images(plan))
    record = image_record(context.user, plan.label)
    try:
        for image in preflight.pull_images(plan, newest=newest):
            record.note_pulled(image)
    except preflight.RegistryUnreachableError as error:
        if not (context.root / f"Pulumi.{airgap.STACK}.yaml").is_file():
            raise
        if not may_fall_back:
            raise Problem(f"{error}; `make up STACK={airgap.STACK}` needs no registry") from None
        for line in str(error).splitlines():
            info(line)
        info(f"no image registry can be reached: using stack {airgap.STACK}, whose images are built from packages")
        return _with_images(_judged(context.with_stack(airgap.STACK)), may_fall_back=False, newest=False)
    return context


def policy(
    stack: Stack = None,
    engine: Engine = None,
    *,
    live: Annotated[bool, typer.Option("--live", help="Judge what runs, in place of the plan.")] = False,
) -> None:
    """Judge the stack by the container policy. Changes nothing."""
    context = Context.of(stack, engine)
    judge_stack(context.program, context.plan, live=live)
