"""`python -m slidegenie.plan --stack NAME`: the whole platform, without Docker, network or Pulumi's command line."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from components.settings import SettingsError

from ..closed_pipe import without_complaint
from ..compose.project import compose_project
from .as_json import render_json
from .diagram import render_diagram
from .program import UnknownStackError, plan_stack
from .tree import render_tree, tree_of


def main(arguments: list[str] | None = None) -> int:
    """Print the plan of one stack; return 2 when its settings are wrong, as for a wrong option."""
    parser = argparse.ArgumentParser(prog="python -m slidegenie.plan", description=__doc__)
    parser.add_argument("--stack", required=True, help="stack to plan, as in Pulumi.<stack>.yaml")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", dest="form", const="json", help="every resource, for programs")
    form.add_argument("--compose", action="store_const", dest="form", const="compose", help="the Docker Compose file")
    form.add_argument("--diagram", action="store_const", dest="form", const="diagram", help="a Mermaid diagram")
    options = parser.parse_args(arguments)
    try:
        show(Path.cwd(), options.stack, options.form)
    except (SettingsError, UnknownStackError) as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"{line}\n")
        return 2
    return 0


def show(root: Path, stack: str, form: str | None) -> None:
    """Print the plan of `stack` in the given form; without one, as a tree."""
    if form == "compose":
        sys.stdout.write(compose_project(root, stack).text)
        return
    plan = plan_stack(root, stack)
    if form == "json":
        sys.stdout.write(render_json(plan, root))
    elif form == "diagram":
        sys.stdout.write(render_diagram(plan))
    elif sys.stdout.isatty():
        Console().print(tree_of(plan))
    else:
        sys.stdout.write(render_tree(plan))


if __name__ == "__main__":
    sys.exit(without_complaint(main))
