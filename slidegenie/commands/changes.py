"""The command that says what a change will do."""

import datetime
import json as json_text
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ..changes import Changes, changes_of
from ..changes.checkout import Checkout, Repository
from ..changes.markdown import markdown
from ..changes.planned import Planner, Sides
from ..changes.summary import PolicyChange
from ..console import Problem
from ..plan import StackProgram
from ..policy.changed import policy_change, policy_of


def diff(
    base: Annotated[str, typer.Argument(help="A revision, such as origin/main: what is there.")],
    head: Annotated[str | None, typer.Argument(help="What is proposed. Default: the working tree.")] = None,
    *,
    stack: Annotated[
        list[str] | None, typer.Option("--stack", metavar="NAME", help="Only these stacks. Default: every one.")
    ] = None,
    markdown_: Annotated[bool, typer.Option("--markdown", help="For a pull request's comment; the default.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what a change will do to what runs: without Docker, network, state or Pulumi's command line.

    Runs the code of both revisions. Prints nothing where nothing changes.
    """
    if json and markdown_:
        raise Problem("--json and --markdown are two forms of one answer: give one")
    with tempfile.TemporaryDirectory(prefix="slidegenie-diff-") as folder:
        scratch = Path(folder).resolve()
        repository = Repository(Path.cwd(), scratch)
        before, after = repository.check_out(base), repository.check_out(head)
        planner = Planner(repository, scratch, before, after)
        sides = planner.plan(sorted(set(stack or planner.stacks())))
        found = {name: _changes(name, both, before, after) for name, both in sides.items()}
    changed = {name: changes for name, changes in found.items() if not changes.nothing}
    if not changed:
        return
    if json:
        document = {
            "base": before.name,
            "head": after.name,
            "stacks": {name: changes.plain() for name, changes in changed.items()},
        }
        sys.stdout.write(json_text.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(map(markdown, changed.values())))


def _changes(stack: str, sides: Sides, before: Checkout, after: Checkout) -> Changes:
    comparison = sides.comparison
    policy = None
    if comparison.before.resources and comparison.after.resources:
        policies = [policy_of(side.root, *_section(side, stack)) for side in (before, after)]
        today = datetime.datetime.now(datetime.UTC).date()
        policy = policy_change((comparison.before, policies[0]), (comparison.after, policies[1]), today)
    return changes_of(comparison, policy=policy or PolicyChange(), given=sides.given)


def _section(side: Checkout, stack: str) -> tuple[dict[str, object], str]:
    program = StackProgram.read(side.root, stack)
    return program.section("policy"), program.file
