"""The runbook inside Grafana, so that a link leads somewhere for people who have no checkout at hand."""

import re
import zlib
from collections.abc import Iterator
from typing import Any

from ..core.text import json_text

UID = "runbook"
"""Of the dashboard that shows the runbook."""
RUNBOOK_PATH = f"/d/{UID}?viewPanel="
"""Where, below Grafana's own path, one section is read alone; its number follows."""
LINK = re.compile(rf"{re.escape(RUNBOOK_PATH)}\d+#(\w+)")
"""A link to a section, with its name behind it."""


def runbook_link(section: str) -> str:
    """Return the path of a section with its name, by which the link may be led to another place."""
    return f"{RUNBOOK_PATH}{panel_number(section)}#{section.lower()}"


def panel_number(title: str) -> int:
    """Return a panel's number, which never changes: a link in an old message must not lead to another section."""
    return zlib.crc32(title.lower().encode()) % 2**31


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
