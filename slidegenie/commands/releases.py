"""The commands that look at releases and go back to one."""

from collections.abc import Callable

from ..console import Problem, say, show
from ..context import ROOT, Request, chosen, pulumi_stack
from ..engine.start import ensure_engine
from ..pulumi.stack import PulumiStack
from ..rollout.rollback import History
from ..switch import switch
from ..user_folder import Home


def releases(request: Request) -> None:
    """List the last good releases and whether the database allows to go back to them."""
    for line in _history(request).listed():
        show(line)


def rollback(request: Request) -> None:
    """Go back to the last good release: the one before this, or the one that serves while a rollout is broken."""
    release = _history(request).rollback(force=switch("FORCE"))
    say(f"{release.version} serves; fix the cause before the next `make up`: that one goes by settings and code again")


def history_of(pulumi: PulumiStack) -> History:
    """Return the releases of a stack."""
    return History(ROOT, pulumi, pulumi.label, Home.open().folder("stacks", pulumi.name))


def _history(request: Request) -> History:
    name, engine = chosen(request)
    if engine == "compose":
        raise Problem(
            f"stack {name} runs with Docker Compose, which keeps no releases: check out the last good commit, `make up`"
        )
    ensure_engine()
    return history_of(pulumi_stack(name))


COMMANDS: dict[str, Callable[[Request], None]] = {
    command.__name__.removeprefix("list_"): command for command in (releases, rollback)
}
"""These commands by their names."""
