"""What a person is told once a stack is up: how many containers are healthy, and where it answers."""

from pathlib import Path
from urllib.parse import urlsplit

from components.core.engine import DockerEngine
from components.core.labels import STACK_LABEL

from .console import echo
from .engine.docker import docker
from .plan import Plan

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def show_addresses(plan: Plan) -> None:
    """Print where the stack answers; what a machine elsewhere publishes to itself alone, with the way there."""
    engine = DockerEngine.of()
    healthy = ("--filter", f"label={STACK_LABEL}={plan.label}", "--filter", "health=healthy")
    number = len(docker("ps", "--quiet", *healthy).stdout.split())
    where = "" if engine.local else f", on {engine.host}"
    echo()
    echo(f"  SlideGenie is up: stack {plan.stack}, {number} healthy containers{where}")
    addresses = {name: str(value) for name, value in plan.outputs.items() if value and name != "authority"}
    for name, value in addresses.items():
        echo(f"  {name:<13} {value}")
    if not engine.local:
        _show_the_way(engine, addresses)
    # Where there is only the program, the command is called by its own name.
    by = "make" if Path("Makefile").is_file() else "slidegenie"
    echo(f"  passwords     {by} password")
    echo(f"  logs          {by} logs        shell  {by} shell        stop  {by} down")


def _show_the_way(engine: DockerEngine, addresses: dict[str, str]) -> None:
    urls = [urlsplit(value) for value in addresses.values()]
    ports = sorted({url.port for url in urls if url.hostname in _THIS_MACHINE and url.port})
    if not ports:
        return
    tunnel = engine.tunnel(ports)
    echo(f"  localhost and 127.0.0.1 are those of {engine.host}" + (f"; from here: {tunnel}" if tunnel else ""))
