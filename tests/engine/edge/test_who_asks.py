"""Limits for each client, and how the edge tells clients apart. Runs last: the limits stay."""

import httpx
import pytest

from ...support.client import trusting
from .conftest import Edge, access_log

pytestmark = pytest.mark.engine


def test_one_client_cannot_take_it_all_and_is_told_apart_behind_a_load_balancer(edge: Edge) -> None:
    """The networks of Docker are the load balancer here: this machine stands in front of the edge."""
    stack = edge.stack
    trusted = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
    limit = {"requestsPerSecond": 1, "burst": 5, "requestsAtOnce": 100}
    stack.configure("proxy", rateLimit=limit, clientAddress="forwardedFor", trustedProxies=trusted)
    assert stack.run("up").code == 0

    def ask(client: httpx.Client, address: str) -> int:
        return client.get("/health/live", headers={"X-Forwarded-For": address}).status_code

    with trusting(stack.url) as client:
        # What a client says of itself stands left of what the load balancer saw.
        first = [ask(client, f"198.51.100.{number}, 203.0.113.1") for number in range(30)]
        other = [ask(client, "203.0.113.2") for _ in range(3)]
    hosts = [line["ClientHost"] for line in access_log(edge) if line["RequestPath"] == "/health/live"]

    assert first[:5] == [200] * 5
    assert set(first) == {200, 429}
    assert other == [200] * 3
    assert "203.0.113.2" in hosts
