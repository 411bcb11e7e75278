"""Where a stack answers, and whether the edge leads to the application there.

Traefik takes new containers and routes up within seconds, not at once.
"""

import contextlib
import hashlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from components.core.engine import DockerEngine
from components.core.labels import STACK_LABEL

from ..console import echo, warn
from ..plan import Plan
from .docker import containers, docker, service

_PATH = "/health/live"
_PATIENCE_SECONDS, _PAUSE_SECONDS, _TIMEOUT_SECONDS = 20, 0.3, 5
_NOT_YET = frozenset({404, 500, 502, 503, 504})
_ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what the engine says


def wait_for_edge(plan: Plan) -> None:
    """Wait until a request from this machine reaches the application, and say so when none does.

    On an engine elsewhere nobody knows which address leads there: then nothing is asked, and that is said.
    """
    engine = DockerEngine.of()
    if "platform" not in plan.outputs:
        return
    if not engine.local:
        warn(f"the edge on {engine.host} was not asked from here: all that was seen is that its container is healthy")
        return
    url = urlsplit(str(plan.outputs["platform"]))
    name, port = url.hostname or "", url.port or 443
    if (address := _published(plan, port)) is None:
        warn(f"no edge that runs publishes port {port}: nobody saw whether https://{name}:{port} answers")
        return
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (answer := _ask(address, port, name)) is None or answer in _NOT_YET:
        if time.monotonic() > deadline:
            said = "does not answer" if answer is None else f"answers {answer}"
            warn(f"the edge {said} at https://{name}:{port}{_PATH}, asked at {address}: docs/troubleshooting.md")
            return
        time.sleep(_PAUSE_SECONDS)


def shown_certificate(plan: Plan) -> str | None:
    """Return a fingerprint of the certificate that the edge shows; `None` where it does not answer this machine."""
    url = urlsplit(str(plan.outputs.get("platform", "")))
    port = url.port or 443
    if not DockerEngine.of().local or (address := _published(plan, port)) is None:
        return None
    with contextlib.suppress(OSError), _secured(address, port, url.hostname or "") as secured:
        return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
    return None


def _published(plan: Plan, port: int) -> str | None:
    """Return the address of this machine on which the edge listens to `port`."""
    for container in containers(plan.label):
        if service(container) == "traefik":
            for bindings in (container["NetworkSettings"]["Ports"] or {}).values():
                for binding in bindings or []:
                    if int(binding["HostPort"]) == port:
                        return _ANYWHERE.get(host := str(binding["HostIp"]), host)
    return None


def _ask(address: str, port: int, name: str) -> int | None:
    """Return the status of one answer; `None` when there was none."""
    with contextlib.suppress(OSError, http.client.HTTPException), _secured(address, port, name) as secured:
        secured.sendall(f"GET {_PATH} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        response = http.client.HTTPResponse(secured)
        response.begin()
        return response.status
    return None


@contextlib.contextmanager
def _secured(address: str, port: int, name: str) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context()
    # Asked is who answers, not who vouches for him: the authority may be the stack's own.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((address, port), timeout=_TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        yield secured


_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def show_addresses(plan: Plan) -> None:
    """Print where the stack answers; what a machine elsewhere publishes to itself alone, with the way there."""
    engine = DockerEngine.of()
    healthy = ("--filter", f"label={STACK_LABEL}={plan.label}", "--filter", "health=healthy")
    number = len(docker("ps", "--quiet", *healthy).stdout.split())
    where = "" if engine.local else f", on {engine.host}"
    echo()
    echo(f"  SlideGenie is up: stack {plan.stack}, {number} healthy containers{where}")
    outputs = {name: value for name, value in plan.outputs.items() if isinstance(value, str)}
    addresses = {name: value for name, value in outputs.items() if value and name != "authority"}
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
