"""The commands themselves: each a few steps, told as they happen."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pulumi.automation import PulumiCommand

from ..host import socket_group
from ..plan import Plan, plan_stack
from ..plan.compose_write import prepare_machine
from ..plan.program import stack_configuration
from ..settings import Engine
from . import airgap, backups, preflight
from .compose import ComposeStack
from .console import Problem, confirmed, say, show
from .docker import containers, docker, ensure_engine, plugin, service
from .home import Home
from .policy import enforce, judge_stack
from .pulumi_cli import find_pulumi
from .rollback import History
from .rollout import refuse_to_refresh, roll_out, show_changes
from .rollout_record import image_record, note_rollout
from .rotation import Rotation
from .stack import PulumiStack

ROOT = Path.cwd()
_DEFAULT = "dev"
_NO_PASSWORDS = ("-hash-key", "-certificate-authority", "-certificate-key", "-app-key")
"""Ends of the names of random values that nobody types: keys are made from them."""
_NO_PULUMI = "this needs the Pulumi command line: https://www.pulumi.com/docs/install/ tells how to get it"


@dataclass(frozen=True)
class Request:
    """What a command was asked to work on."""

    stack: str | None
    """The stack, or `None` for the one last brought up."""
    engine: str
    """`auto`, `pulumi` or `compose`."""


def up(request: Request) -> None:
    """Bring the platform up, or to what its settings say now."""
    home = Home.open()
    plan = _judged(request.stack or _DEFAULT)
    ensure_engine()
    airgap.run_script(ROOT, "install-docker-plugins.sh")
    plan = _with_images(plan, may_fall_back=request.stack is None)
    preflight.check_host(plan)
    command = _pulumi_for(request, plan.stack)
    home.remember(plan.stack, "pulumi" if command else "compose")
    if command:
        say(f"rolling out stack {plan.stack} with Pulumi")
        pulumi = PulumiStack(ROOT, plan.stack, home, command)
        pulumi.open()
        history = _history(pulumi, plan)
        history.begin()
        show_changes(roll_out(pulumi, plan.label))
        history.came_up()
    else:
        say(f"rolling out stack {plan.stack} with Docker Compose, from the same plan; its rollouts pause requests")
        ComposeStack(ROOT, plan.stack, home).up()
    note_rollout(image_record(home, plan.label), plan, ROOT)
    _show_addresses(plan)


def preview(request: Request) -> None:
    """Show what `make up` would change; changes nothing."""
    name, engine = chosen(request)
    plan = plan_stack(ROOT, name)
    ensure_engine()
    if engine == "compose":
        ComposeStack(ROOT, name, Home.open()).preview()
        return
    show(_pulumi(plan.stack).preview(diff=True))


def drift(request: Request) -> None:
    """Show what was changed outside of the platform; changes nothing."""
    show(_pulumi(chosen(request)[0]).drift())


def refresh(request: Request) -> None:
    """Take over into the state what was changed outside; refuses while a broken rollout is open."""
    pulumi = _pulumi(chosen(request)[0])
    refuse_to_refresh(pulumi.state())
    show(pulumi.refresh())


def down(request: Request) -> None:
    """Remove containers and networks; data, generated secrets and certificates stay."""
    name, engine = chosen(request)
    say(f"taking stack {name} down; data and secrets stay")
    if engine == "compose":
        ComposeStack(ROOT, name, Home.open()).down()
    else:
        show_changes(_pulumi(name).down().changes)


def destroy(request: Request) -> None:
    """Remove everything of the stack, data too. Asks first."""
    name, engine = chosen(request)
    if os.environ.get("CONFIRM") != name and not confirmed(f"This deletes all data of stack {name} for good.", name):
        raise Problem(f"nothing was deleted: type the stack's name when asked, or run `make destroy CONFIRM={name}`")
    with_backups = os.environ.get("BACKUPS") == "delete"
    if engine == "compose":
        compose = ComposeStack(ROOT, name, Home.open())
        kept = compose.backups() and not with_backups
        compose.destroy(with_backups=with_backups)
    else:
        pulumi = _pulumi(name)
        kept = bool(pulumi.state().backups()) and not with_backups
        show_changes(pulumi.destroy(with_backups=with_backups).changes)
        _history(pulumi, plan_stack(ROOT, name)).forget()
    if kept:
        say("the backups and their password stay; `make destroy BACKUPS=delete` removes them too")
    Home.open().forget(name)


def backup(request: Request) -> None:
    """Back everything up now."""
    backups.back_up(_planned(request))


def list_backups(request: Request) -> None:
    """List the backups."""
    backups.show(_planned(request))


def restore(request: Request) -> None:
    """Restore a backup: all of it or nothing. Asks first."""
    backups.restore(_planned(request))


def drill(request: Request) -> None:
    """Restore the newest backup on trial, where it disturbs nobody."""
    backups.drill(_planned(request))


def password(request: Request) -> None:
    """Print the generated passwords and keys."""
    name, engine = chosen(request)
    home = Home.open()
    secrets = (
        ComposeStack(ROOT, name, home).passwords()
        if engine == "compose"
        else _pulumi(name).state(secrets=True).passwords()
    )
    for secret, value in secrets:
        if not secret.endswith(_NO_PASSWORDS):
            show(f"{secret}\t{value}")


def rotate(request: Request) -> None:
    """Replace a generated secret by a new one (SECRET=postgres); without SECRET, list them and how old each is."""
    name, engine = chosen(request)
    if engine == "compose":
        raise Problem(
            f"stack {name} runs with Docker Compose, which cannot take the old and the new secret at once: rotation"
            " needs Pulumi"
        )
    ensure_engine()
    plan, pulumi = plan_stack(ROOT, name), _pulumi(name)
    # What a rollback put there stays there.
    pulumi.open(backend=_history(pulumi, plan).held_settings())
    rotation = Rotation(pulumi, plan.label, stack_configuration(ROOT, name))
    if secret := os.environ.get("SECRET"):
        rotation.rotate(secret)
    else:
        for line in rotation.listed():
            show(line)


def releases(request: Request) -> None:
    """List the last good releases and whether the database allows to go back to them."""
    pulumi, plan = _with_history(request)
    for line in _history(pulumi, plan).listed():
        show(line)


def rollback(request: Request) -> None:
    """Go back to the last good release: the one before this, or the one that serves while a rollout is broken."""
    pulumi, plan = _with_history(request)
    release = _history(pulumi, plan).rollback(force=os.environ.get("FORCE") == "yes")
    say(f"{release.version} serves; mend the cause before the next `make up`: that one goes by settings and code again")


def authority(request: Request) -> None:
    """Write the local authority's certificate to a file and print its path, so that it can be trusted."""
    name, engine = chosen(request)
    home = Home.open()
    outputs = ComposeStack(ROOT, name, home).outputs() if engine == "compose" else _pulumi(name).outputs()
    if not (pem := outputs.get("authority")):
        raise Problem(f"stack {name} has no local authority: its certificate is your own (proxy.tls)")
    file = home.folder("stacks", name) / "authority.pem"
    file.write_text(str(pem), encoding="utf-8")
    show(str(file))


def secrets(request: Request) -> None:
    """Write the secret files and .env that the committed Compose files need, once; for use without `make up`."""
    stack = request.stack or _DEFAULT
    prepare_machine(ROOT, stack, int(socket_group(Engine())))
    compose = "docker-compose.yml" if stack == _DEFAULT else f"docker-compose.{stack}.yml"
    show(f"wrote .secrets/{stack} and .env; now: docker compose -f {compose} up -d")


def policy(request: Request) -> None:
    """Judge the stack by the container policy; with LIVE=1 what runs, else the plan. Changes nothing."""
    judge_stack(ROOT, chosen(request)[0])


def logs(request: Request) -> None:
    """Follow the application's logs."""
    plan = plan_stack(ROOT, chosen(request)[0])
    if plugin("compose"):
        _hand_over(
            "docker", "compose", "-p", f"{plan.project}-{plan.stack}", "logs", "--follow", "--tail", "100", "app"
        )
    _hand_over("docker", "logs", "--follow", "--tail", "100", _app(plan))


def shell(request: Request) -> None:
    """Open a shell in the application's container."""
    _in_app(request, "sh", "-c", "command -v bash >/dev/null && exec bash || exec sh")


def pytest(request: Request) -> None:
    """Run the application's tests in its container; the development and testing images have them."""
    _in_app(request, "python", "-m", "pytest", "-p", "no:cacheprovider")


def _judged(stack: str) -> Plan:
    """Return the plan of a stack that may be carried out."""
    plan = plan_stack(ROOT, stack)
    enforce(ROOT, plan)
    return plan


def _with_images(plan: Plan, *, may_fall_back: bool) -> Plan:
    """Return the plan whose images are all there: the one that was asked for, or the one without registries."""
    airgap.build_images(ROOT, preflight.needed_images(plan))
    try:
        image_record(Home.open(), plan.label).note_pulled(preflight.pull_images(plan))
    except preflight.RegistryUnreachableError as error:
        if not may_fall_back:
            raise Problem(f"{error}; `make up STACK={airgap.STACK}` needs no registry") from None
        say(f"no image registry can be reached: using stack {airgap.STACK}, whose images are built from packages")
        return _with_images(_judged(airgap.STACK), may_fall_back=False)
    return plan


def _pulumi_for(request: Request, stack: str) -> PulumiCommand | None:
    """Return the Pulumi command line that carries the plan out, or `None` for Docker Compose.

    A stack stays with what brought it up: the other one would not know its passwords.
    """
    engine = request.engine
    if engine == "auto" and Home.open().current() == (stack, "compose"):
        say(f"stack {stack} runs with Docker Compose and stays with it; after `make destroy`, `make up` uses Pulumi")
        engine = "compose"
    command = find_pulumi() if engine != "compose" else None
    if command is None and engine == "pulumi":
        raise Problem(_NO_PULUMI)
    return command


def chosen(request: Request) -> tuple[str, str]:
    """Return stack and engine of a command: what was asked for, else what is up."""
    noted = Home.open().current()
    stack, engine = (
        noted if noted is not None and request.stack in (None, noted[0]) else (request.stack or _DEFAULT, "pulumi")
    )
    return stack, engine if request.engine == "auto" else request.engine


def _planned(request: Request) -> Plan:
    return plan_stack(ROOT, chosen(request)[0])


def _pulumi(name: str) -> PulumiStack:
    command = find_pulumi()
    if command is None:
        raise Problem(_NO_PULUMI)
    stack = PulumiStack(ROOT, name, Home.open(), command)
    stack.open()
    return stack


def _with_history(request: Request) -> tuple[PulumiStack, Plan]:
    name, engine = chosen(request)
    if engine == "compose":
        raise Problem(
            f"stack {name} runs with Docker Compose, which keeps no releases: check out the last good commit, `make up`"
        )
    ensure_engine()
    return _pulumi(name), plan_stack(ROOT, name)


def _history(pulumi: PulumiStack, plan: Plan) -> History:
    return History(ROOT, pulumi, plan.label, Home.open().folder("stacks", pulumi.name))


def _app(plan: Plan) -> str:
    for container in containers(plan.label):
        if service(container) == "app":
            return str(container["Id"])
    raise Problem(f"no container of the application runs in stack {plan.stack}: `make up` starts it")


def _in_app(request: Request, *command: str) -> None:
    interactive = ["-it"] if os.isatty(0) and os.isatty(1) else []
    _hand_over("docker", "exec", *interactive, _app(plan_stack(ROOT, chosen(request)[0])), *command)


def _hand_over(*command: str) -> None:
    """Run another program in this one's place as far as a person can tell, and fail as it does."""
    done = subprocess.run(command, check=False)  # noqa: S603 - no shell
    if done.returncode not in (0, 130):
        raise Problem(f"`{' '.join(command)}` ended with exit code {done.returncode}")


def _show_addresses(plan: Plan) -> None:
    healthy = docker(
        "ps", "--quiet", "--filter", f"label=io.slidegenie.stack={plan.label}", "--filter", "health=healthy"
    ).stdout.split()
    show()
    show(f"  SlideGenie is up: stack {plan.stack}, {len(healthy)} healthy containers")
    for name, value in plan.outputs.items():
        if value and name != "authority":
            show(f"  {name:<13} {value}")
    show("  passwords     make password")
    show("  logs          make logs        shell  make shell        stop  make down")


COMMANDS: dict[str, Callable[[Request], None]] = {
    command.__name__.removeprefix("list_"): command
    for command in (
        up,
        preview,
        drift,
        refresh,
        down,
        destroy,
        password,
        rotate,
        releases,
        rollback,
        authority,
        secrets,
        policy,
        logs,
        shell,
        pytest,
        backup,
        list_backups,
        restore,
        drill,
    )
}
"""Every command by its name."""
