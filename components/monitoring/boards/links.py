"""Links from dashboards and messages to the runbook inside Grafana."""

import re
import zlib

UID = "runbook"
"""Of the dashboard that shows the runbook."""
LINK = re.compile(rf"/d/{UID}\?viewPanel=\d+#(\w+)")
"""A link to a section, with its name behind it."""


def runbook_path(section: str) -> str:
    """Return the path, below Grafana's own, at which one section is read alone."""
    return f"/d/{UID}?viewPanel={panel_number(section)}"


def runbook_link(section: str) -> str:
    """Return that path with the section's name, by which the link may be led to another place."""
    return f"{runbook_path(section)}#{section.lower()}"


def panel_number(title: str) -> int:
    """Return a panel's number, which never changes: a link in an old message must not lead to another section."""
    return zlib.crc32(title.lower().encode()) % 2**31
