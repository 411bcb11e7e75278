"""The runbook inside Grafana, so that a link leads somewhere for people who have no checkout at hand."""

import re
from collections.abc import Iterator
from typing import Any

from ..core.json_text import json_text
from .links import UID, panel_number

_WIDTH = 24
_CHARACTERS = 150
"""Of a line that is as wide as the page."""


def runbook_board(runbook: str, stack: str, compose_project: str) -> str:
    """Return the dashboard that shows `RUNBOOK.md`: a row for each chapter, a panel for each section.

    Commands are those of this stack: at night nobody should have to put its name into them.
    """
    for example, own in (
        ("STACK=prod", f"STACK={stack}"),
        ("slidegenie-prod", compose_project),
        ("Pulumi.prod.yaml", f"Pulumi.{stack}.yaml"),
    ):
        runbook = runbook.replace(example, own)
    document = {
        "uid": UID,
        "title": "Runbook",
        "description": "What to do about each alert.",
        "tags": ["slidegenie"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "panels": list(_panels(runbook)),
    }
    return json_text(document)


def _panels(runbook: str) -> Iterator[dict[str, Any]]:
    y = 0
    for chapter in re.split(r"^## ", runbook, flags=re.MULTILINE)[1:]:
        name, *sections = re.split(r"^### ", chapter, flags=re.MULTILINE)
        yield {"type": "row", "collapsed": False, "panels": [], **_placed(name.strip(), y, 1)}
        y += 1
        for section in sections:
            title, _, text = section.partition("\n")
            height = 3 + sum(1 + len(line) // _CHARACTERS for line in text.strip().splitlines())
            shown = {"mode": "markdown", "content": text.strip()}
            yield {"type": "text", **_placed(title.strip(), y, height), "options": shown}
            y += height


def _placed(title: str, y: int, height: int) -> dict[str, Any]:
    return {"id": panel_number(title), "title": title, "gridPos": {"h": height, "w": _WIDTH, "x": 0, "y": y}}
