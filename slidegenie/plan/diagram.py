"""The plan as a Mermaid diagram: who can reach whom, and what can be reached from outside."""

import re
from collections.abc import Iterator

from .record import Plan
from .view import Service, View, view_of


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
