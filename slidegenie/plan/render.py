"""The plan for people: a tree to read, and a Mermaid diagram of who reaches whom. JSON is in `as_json`."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from components.core.labels import PIDS_LABEL

from .record import Plan
from .view import Network, Service, View, Volume, pushed_by_digest, view_of

WIDTH = 100


def render_tree(plan: Plan) -> str:
    """Return the tree as plain text, the same on every machine."""
    out = io.StringIO()
    # Said outright, so that COLUMNS, FORCE_COLOR and the like have no say in it.
    console = Console(file=out, width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(tree_of(plan))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def tree_of(plan: Plan) -> Tree:
    """Return the tree for a rich console."""
    view = view_of(plan)
    tree = Tree(Text(view.title, "bold"), guide_style="dim")
    _branch(tree, "networks", _table((network.zone, _network(network)) for network in view.networks))
    for title, job in (("services", False), ("jobs", True)):
        services = [service for service in view.services if service.job is job]
        _branch(tree, title, [_service(service, view) for service in services])
    _branch(tree, "data", _table((volume.key, _data(volume)) for volume in view.volumes if volume.data))
    images = [("build", _build(build)) for build in view.builds] + [("pull", image) for image in view.pulls]
    _branch(tree, "images", _table(images))
    _branch(tree, "made without this library", _table((name, "") for name in view.others))
    _branch(tree, "outputs", _table((key, _output(value)) for key, value in sorted(view.outputs.items())))
    return tree


def _branch(tree: Tree, title: str, items: list[RenderableType]) -> None:
    if items:
        branch = tree.add(Text(title, "bold cyan"))
        for item in items:
            branch.add(item)


def _table(rows: Iterable[tuple[str, str]]) -> list[RenderableType]:
    listed = list(rows)
    return [_rows(listed)] if listed else []


def _rows(rows: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for key, value in rows:
        # Text, not markup: a bracket in an image's name or a path means itself.
        grid.add_row(Text(key, "green"), Text(value))
    return grid


def _network(network: Network) -> str:
    return "no way out" if network.internal else "reaches the outside"


def _service(service: Service, view: View) -> RenderableType:
    title = f"{service.name} x{service.replicas}" if service.replicas > 1 else service.name
    tree = Tree(Text(title, "bold"), guide_style="dim")
    tree.add(_rows(_facts(service, view)))
    return tree


def _facts(service: Service, view: View) -> Iterator[tuple[str, str]]:
    inputs = service.inputs
    yield "image", str(inputs["image"])
    zones = sorted(view.network(network["name"]).zone for network in inputs.get("networksAdvanced") or [])
    yield "networks", ", ".join(zones) or "none"
    cores = f" on cores {inputs['cpuSet']}" if inputs.get("cpuSet") else ""
    cpus, pids = f"{float(inputs['cpus']):g} CPU{cores}", service.labels[PIDS_LABEL]
    yield "limits", f"{inputs['memory']} MiB, {cpus}, {pids} processes"
    for port in inputs.get("ports") or []:
        yield "published", f"{port['ip']}:{port['external']} → {port['internal']}"
    for mount in service.mounts("volume"):
        volume = view.volume(mount["source"])
        if volume.data:
            yield "data", f"{mount['target']} ← {volume.key}" + (", read-only" if mount.get("readOnly") else "")
        else:
            names = ", ".join(f"{file.name} (secret)" if file.secret else file.name for file in volume.files)
            yield "files", f"{mount['target']}: {names}"
    for mount in service.mounts("bind"):
        yield "host", f"{mount['target']} ← {mount['source']}" + (", read-only" if mount.get("readOnly") else "")
    if check := inputs.get("healthcheck"):
        yield "health", f"{' '.join(check['tests'][1:])}; every {check['interval']}"
    if not service.job:
        yield "rollout", "rolling: the new one first" if service.rolling else "recreate: the old one goes first"
    if service.after:
        yield "after", ", ".join(service.after)


def _output(value: Any) -> str:
    first, *rest = str(value).splitlines() or [""]
    return f"{first} and {len(rest)} more lines" if rest else first


def _data(volume: Volume) -> str:
    place = volume.driver_opts.get("device", f"managed by Docker as {volume.name}")
    return f"{place}, protected" if volume.protected else str(place)


def _build(build: Mapping[str, Any]) -> str:
    stage = f", stage {build['target']}" if build.get("target") else ""
    return f"{_names(build)} ← {build['dockerfile']['location']}{stage}"


def _names(build: Mapping[str, Any]) -> str:
    """An image that is pushed by its digest gets its names once it has proven what is asked."""
    if tags := build.get("tags"):
        return ", ".join(tags)
    return ", ".join(f"{repository}, pushed by its digest" for repository in pushed_by_digest(build))


def render_diagram(plan: Plan) -> str:
    """Return a flowchart of services, the networks they share, published ports and data volumes."""
    return "\n".join(["flowchart LR", *(f"  {line}" for line in _lines(view_of(plan)))]) + "\n"


def _lines(view: View) -> Iterator[str]:
    yield 'outside(["outside"])'
    for network in view.networks:
        way = "<br/>no way out" if network.internal else ""
        yield f'{_node("network", network.zone)}{{{{"{_label(network.zone)}{way}"}}}}'
    for service in view.services:
        yield f"{_node('service', service.name)}{_shape(service)}"
    for volume in view.volumes:
        if volume.data:
            yield f'{_node("data", volume.key)}[("{_label(volume.key)} data")]'
    for service in view.services:
        yield from _edges(service, view)


def _edges(service: Service, view: View) -> Iterator[str]:
    node = _node("service", service.name)
    for port in service.inputs.get("ports") or []:
        yield f'outside -->|"{_label(port["ip"])}:{port["external"]}"| {node}'
    zones = sorted(view.network(network["name"]).zone for network in service.inputs.get("networksAdvanced") or [])
    for zone in zones:
        yield f"{node} --- {_node('network', zone)}"
    for mount in service.mounts("volume"):
        if (volume := view.volume(mount["source"])).data:
            yield f"{node} -.- {_node('data', volume.key)}"


def _node(kind: str, name: str) -> str:
    """Return an ID: Mermaid takes some words, such as `end`, for its own, and hyphens for links."""
    return f"{kind}_{re.sub('[^A-Za-z0-9]', '_', name)}"


def _label(text: str) -> str:
    """Return text for a label, in which Mermaid reads quotes, tags and `#` as its own."""
    return re.sub('["#&<>`]', lambda character: f"#{ord(character[0])};", text)


def _shape(service: Service) -> str:
    if service.job:
        return f'["{_label(service.name)}<br/>job"]'
    times = f" x{service.replicas}" if service.replicas > 1 else ""
    return f'["{_label(service.name)}{times}"]'
