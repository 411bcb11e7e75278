"""Links from dashboards and messages to the runbook inside Grafana."""

import re
import zlib

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
