"""Draw each dashboard of a running stack, from its live data, as a picture.

    .venv/bin/pip install playwright
    GRAFANA_PASSWORD=... .venv/bin/python -m bench.dashboard_pictures

`make password` prints the password. A Chromium of the distribution draws; nothing is downloaded.
"""

import argparse
import json
import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

import httpx

from scripts.dashboards import BOARDS, Board
from slidegenie.console import Problem, echo, warn

_WIDTH = 1600
_ROW, _HEAD = 38, 120
"""Pixels of a row of the grid with its gap, and of what is above the first."""
_SESSION = "grafana_session"
_PATIENCE_MS = 60_000


def height(board: Board) -> int:
    """Return the height at which a whole dashboard is on the screen: Grafana draws nothing that is below it."""
    places = [panel["gridPos"] for panel in json.loads(board.json())["panels"]]
    rows: int = max(place["y"] + place["h"] for place in places)
    return _HEAD + _ROW * rows


def logged_in(url: str, password: str) -> str:
    """Return the session of a login, as Grafana's form does it.

    Raises:
        Problem: when there is no Grafana, or another password.
    """
    login = {"user": "admin", "password": password}
    try:
        # In development the certificate is of the stack's own authority.
        answer = httpx.post(f"{url}/login", json=login, verify=False, timeout=10)  # noqa: S501
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Problem(f"no login at {url} ({error}): set GRAFANA_PASSWORD to what `make password` prints") from None
    return answer.cookies[_SESSION]


def main() -> int:
    """Draw all of them, or say in a line what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", default="http://localhost:3000/grafana", help="of Grafana (default: %(default)s)")
    parser.add_argument("--into", type=Path, default=Path("docs/pictures"), help="a folder (default: %(default)s)")
    parser.add_argument("--since", default="6h", help="how far back (default: %(default)s)")
    options = parser.parse_args()
    try:
        draw(options.url, options.into, options.since)
    except Problem as problem:
        warn(str(problem))
        return 2
    return 0


def draw(url: str, into: Path, since: str) -> None:
    """Write a picture of each dashboard.

    Raises:
        Problem: when Chromium, Playwright or the login is missing.
    """
    if (chromium := shutil.which("chromium") or shutil.which("google-chrome")) is None:
        raise Problem("there is no Chromium on PATH: on Debian run `sudo apt-get install chromium`")
    try:
        drawing = import_module("playwright.sync_api").sync_playwright()
    except ModuleNotFoundError:
        raise Problem("playwright is missing: run `.venv/bin/pip install playwright`") from None
    session = logged_in(url, os.environ.get("GRAFANA_PASSWORD", ""))
    into.mkdir(parents=True, exist_ok=True)
    with drawing as engine, engine.chromium.launch(executable_path=chromium) as browser:
        context = browser.new_context(ignore_https_errors=True)
        context.add_cookies([{"name": _SESSION, "value": session, "url": url}])
        for board in BOARDS:
            page = context.new_page()
            page.set_viewport_size({"width": _WIDTH, "height": height(board)})
            page.goto(f"{url}/d/{board.uid}?kiosk&from=now-{since}&to=now", timeout=_PATIENCE_MS)
            page.wait_for_load_state("networkidle", timeout=_PATIENCE_MS)
            page.screenshot(path=into / f"{board.uid}.png")
            echo(f"wrote {into / board.uid}.png")


if __name__ == "__main__":
    sys.exit(main())
