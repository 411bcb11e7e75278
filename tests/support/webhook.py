"""A receiver of Alertmanager's messages, as somebody's pager would be."""

import ipaddress
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_httpserver import HTTPServer

from .workspace import docker


class Receiver:
    """What was posted to it."""

    def __init__(self, server: HTTPServer) -> None:
        self._server = server

    def messages(self, path: str) -> list[dict[str, Any]]:
        """Return what was posted to `path`."""
        return [request.get_json() for request, _ in self._server.log if request.path == path]

    def alerts(self, name: str, status: str) -> list[dict[str, Any]]:
        """Return the alerts called `name` that were said to be `firing` or `resolved`."""
        return [
            alert
            for message in self.messages("/alert")
            for alert in message["alerts"]
            if alert["labels"]["alertname"] == name and alert["status"] == status
        ]


def gateway() -> str:
    """Return the address under which containers reach this machine."""
    subnet = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}").strip()
    return str(next(ipaddress.ip_network(subnet).hosts()))


@contextmanager
def receiver(port: int) -> Iterator[Receiver]:
    """Listen on `port` of the engine's bridge until the end of the block."""
    with HTTPServer(gateway(), port) as server:
        server.expect_request(re.compile(""), method="POST").respond_with_data()
        yield Receiver(server)
