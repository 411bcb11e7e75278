"""What a dashboard is made of, and how it becomes the JSON that Grafana reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.core.text import json_text
from components.monitoring.runbook import runbook_link

_WIDTH = 24
_ROW_HEIGHT = 1
_SCHEMA = 39
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture that answers one question."""

    title: str
    """What it shows."""
    why: str
    """Which decision it is for; people see it as the description."""
    queries: Mapping[str, str]
    """PromQL by legend."""
    unit: str
    """Grafana's name of the unit, such as `s`, `bytes` or `percentunit`."""
    kind: str = "timeseries"
    """`timeseries`, `stat`, `table` or `bargauge`."""
    alerts: Sequence[str] = ()
    """The alerts that look at the same numbers; the panel links to their parts of the runbook."""
    base: str = "green"
    """Colour below the first step: red where little is bad."""
    steps: Sequence[tuple[float, str]] = ()
    """Values from which the colour changes."""
    width: int = 8
    """Columns, of 24."""
    height: int = 7
    """Rows."""
    least: float | None = 0
    """Lower end of the axis; `None` leaves it to the data."""
    empty: str | None = None
    """What it says while there is nothing to show. Default: what its row says."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels that belong together."""

    title: str
    """What they have in common."""
    panels: Sequence[Panel]
    """From left to right, then down."""
    empty: str
    """What a panel says while there is nothing to show: why that may be, so that nobody takes it for a fault."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice at the top of the dashboard."""

    name: str
    """How queries call it."""
    label: str
    """How people call it."""
    query: str
    """Where its values come from: `label_values(...)`."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard."""

    uid: str
    """Never changes: links lead to it. Also the file's name."""
    title: str
    """What people call it."""
    about: str
    """Whom it helps to decide what."""
    rows: Sequence[Row]
    """Its panels."""
    variables: Sequence[Variable] = field(default=())
    """Choices besides the datasource."""

    def json(self) -> str:
        """Return the dashboard as Grafana reads it, the same every time."""
        document = {
            "uid": self.uid,
            "title": self.title,
            "description": self.about,
            "tags": ["slidegenie"],
            "schemaVersion": _SCHEMA,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "links": [
                {"type": "dashboards", "title": "SlideGenie", "tags": ["slidegenie"], "asDropdown": True},
            ],
            "annotations": {"list": [_RELEASES]},
            "templating": {"list": [_DATASOURCES, *(_variable(variable) for variable in self.variables)]},
            "panels": list(_panels(self.rows)),
        }
        return json_text(document)


_RELEASES = {
    "name": "Releases",
    "datasource": _DATASOURCE,
    "enable": True,
    "iconColor": "blue",
    # A release that was not there five minutes before.
    "expr": (
        'count by (release) (slidegenie_build_info{job="app"})'
        ' unless count by (release) (slidegenie_build_info{job="app"} offset 5m)'
    ),
    "step": "60s",
    "titleFormat": "Release {{release}}",
}
_DATASOURCES = {
    "name": "datasource",
    "label": "Datasource",
    "type": "datasource",
    "query": "prometheus",
    "current": {},
    "hide": 0,
}


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": variable.query, "refId": variable.name},
        "definition": variable.query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _panels(rows: Sequence[Row]) -> Sequence[dict[str, Any]]:
    """Lay the panels out: left to right, a new line where one does not fit."""
    laid: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        place = {"h": _ROW_HEIGHT, "w": _WIDTH, "x": 0, "y": y}
        laid.append(
            {"id": len(laid) + 1, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        )
        y += _ROW_HEIGHT
        x = tallest = 0
        for panel in row.panels:
            if x + panel.width > _WIDTH:
                x, y, tallest = 0, y + tallest, 0
            place = {"h": panel.height, "w": panel.width, "x": x, "y": y}
            laid.append(_panel(panel, len(laid) + 1, place, panel.empty or row.empty))
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
    return laid


def _panel(panel: Panel, number: int, place: dict[str, int], empty: str) -> dict[str, Any]:
    table = panel.kind == "table"
    steps = [{"color": panel.base, "value": None}, *({"color": color, "value": value} for value, color in panel.steps)]
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "noValue": empty,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.least is not None:
        defaults["min"] = panel.least
    if panel.kind == "timeseries":
        drawn = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}
        defaults["custom"] = drawn | ({"thresholdsStyle": {"mode": "line"}} if panel.steps else {})
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.why,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel.kind),
        "links": [{"title": f"Runbook: {alert}", "url": runbook_link(alert)} for alert in panel.alerts],
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATASOURCE,
                "expr": query,
                "legendFormat": legend,
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
                "format": "table" if table else "time_series",
            }
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _options(kind: str) -> dict[str, Any]:
    last = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    match kind:
        case "timeseries":
            legend = {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}
            return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
        case "stat":
            return last | {"colorMode": "background", "graphMode": "area", "textMode": "auto"}
        case "bargauge":
            return last | {"orientation": "horizontal", "displayMode": "gradient"}
        case _:
            return {"showHeader": True}
