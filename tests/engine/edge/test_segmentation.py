"""Who may talk to whom, tried from inside of each running container's network.

The images have no tools for it, so a container of the application's image joins the network of each, without rights.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from scripts.segmentation_manual import FLOWS, MEMBERS, has_way_out

from ...support.hardening import networks, service
from ...support.webhook import gateway
from ...support.workspace import docker
from .conftest import Edge

pytestmark = pytest.mark.engine

_BEYOND = "edgebeyond"
_IP = shutil.which("ip") or "ip"

_PROBE = """
import asyncio, json, pathlib, sys

async def reaches(target):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(*target), 3)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True

async def main():
    targets = json.load(sys.stdin)
    return [target for target, open in zip(targets, await asyncio.gather(*map(reaches, targets))) if open]

def ports():
    rows = [line.split() for name in ("tcp", "tcp6") if (file := pathlib.Path("/proc/net", name)).exists()
            for line in file.read_text().splitlines()[1:]]
    local = ("0100007F", "00000000000000000000000001000000", "0B00007F")
    listening = [row[1].split(":") for row in rows if row[3] == "0A"]
    return sorted({int(port, 16) for address, port in listening if address not in local})

print(json.dumps({"open": asyncio.run(main()), "ports": ports()}))
"""


@dataclass(frozen=True)
class Inside:
    """One running container: what it listens on, and where it is."""

    container: dict[str, Any]
    addresses: dict[str, str]
    """Its address on each of its zones."""
    ports: tuple[int, ...]
    """What it listens on, for others than itself."""

    @property
    def name(self) -> str:
        return service(self.container)


def probe(container: dict[str, Any], image: str, targets: list[tuple[str, int]]) -> dict[str, Any]:
    """Try to connect to each target from the network of a container."""
    rights = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--user=1000:1000"]
    command = ["docker", "run", "--rm", "--interactive", f"--network=container:{container['Id']}", *rights]
    done = subprocess.run(
        [*command, "--no-healthcheck", "--entrypoint=python", image, "-c", _PROBE],
        input=json.dumps(targets),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def image(edge: Edge) -> str:
    return str(edge.stack.containers("app")[0]["Image"])


@pytest.fixture(scope="module")
def inside(edge: Edge, image: str) -> list[Inside]:
    """Every running container, with its name, addresses and ports."""
    mark = f"label=io.slidegenie.stack={edge.stack.label}"
    ids = docker("network", "ls", "--quiet", "--filter", mark).split()
    zones = {n["Id"]: n["Labels"]["io.slidegenie.zone"] for n in json.loads(docker("network", "inspect", *ids))}
    found = []
    for container in edge.stack.containers():
        asked = probe(container, image, [])
        joined = container["NetworkSettings"]["Networks"].values()
        addresses = {zones[network["NetworkID"]]: network["IPAddress"] for network in joined}
        assert set(addresses) == networks(container, zones)
        found.append(Inside(container, addresses, tuple(asked["ports"])))
    return found


@pytest.fixture(scope="module")
def reached(inside: list[Inside], image: str) -> dict[str, set[tuple[str, int]]]:
    """Return what each container can connect to, of all addresses and ports of all others."""
    everything = [(address, port) for one in inside for address in one.addresses.values() for port in one.ports]
    return {
        one.container["Id"]: {(address, port) for address, port in probe(one.container, image, everything)["open"]}
        for one in inside
    }


def pairs(inside: list[Inside]) -> Iterator[tuple[Inside, Inside]]:
    yield from ((one, other) for one, other in itertools.permutations(inside, 2))


def test_each_container_is_where_the_table_says(inside: list[Inside]) -> None:
    assert {one.name: set(one.addresses) for one in inside} == {
        one.name: {zone.value for zone in MEMBERS[one.name]} for one in inside
    }


def test_everything_that_is_needed_can_be_reached(
    inside: list[Inside], reached: dict[str, set[tuple[str, int]]]
) -> None:
    running = {one.name for one in inside}
    flows = [flow for flow in FLOWS if {flow.source, flow.target} <= running]
    missing = [
        f"{flow.source} -> {flow.target}:{flow.port}"
        for flow in flows
        for one, other in pairs(inside)
        if (one.name, other.name) == (flow.source, flow.target)
        and (other.addresses[flow.zone.value], flow.port) not in reached[one.container["Id"]]
    ]

    assert len(flows) > 15
    assert missing == []


def test_nothing_is_reached_without_a_common_network(
    inside: list[Inside], reached: dict[str, set[tuple[str, int]]], image: str
) -> None:
    """What was reached is tried twice more: seen once, while other stacks of the same engine came and went."""
    tried, through = 0, []
    for one, other in pairs(inside):
        apart = [address for zone, address in other.addresses.items() if zone not in one.addresses]
        targets = [(address, port) for address in apart for port in other.ports]
        tried += len(targets)
        open_now = [target for target in targets if target in reached[one.container["Id"]]]
        for _ in range(2):
            if open_now:
                open_now = [(address, port) for address, port in probe(one.container, image, open_now)["open"]]
        through += [f"{one.name} -> {other.name} {address}:{port}" for address, port in open_now]

    assert tried > 50
    assert through == []


def test_the_monitoring_reaches_no_database(inside: list[Inside], reached: dict[str, set[tuple[str, int]]]) -> None:
    stores = {address for one in inside if one.name in ("postgres", "redis") for address in one.addresses.values()}
    for one in inside:
        if one.name in ("prometheus", "alertmanager", "node-exporter", "traefik"):
            assert not stores & {address for address, _ in reached[one.container["Id"]]}, one.name


def test_the_monitoring_cannot_write_what_it_watches(edge: Edge) -> None:
    """Asked of the stores themselves, with the rights of the exporters' logins: an exporter can be another program."""
    (postgres,) = edge.stack.containers("postgres")
    (redis,) = edge.stack.containers("redis")

    def sql(statement: str) -> str:
        ask = "psql -h /var/run/postgresql -U slidegenie -qAt -c 'set session authorization monitor'"
        done = edge.stack.execute(postgres["Id"], f'{ask} -c "{statement}"')
        return done.out or done.err

    assert sql("select 1 from pg_stat_database where datname = current_database()") == "1"
    refused = {
        "select * from presentations": "table presentations",
        "insert into presentations default values": "table presentations",
        "update presentations set title = 'x'": "table presentations",
        "delete from presentations": "table presentations",
        "create table theirs (number int)": "schema public",
    }
    for statement, what in refused.items():
        assert f"permission denied for {what}" in sql(statement), statement
    cli = ["redis-cli", "--user", "monitor", "--pass", "monitor", "--no-auth-warning"]
    for command in (["set", "x", "1"], ["del", "x"], ["flushall"], ["get", "x"]):
        assert "NOPERM" in docker("exec", redis["Id"], *cli, *command), command


def test_only_the_proxy_reaches_the_allow_list_in_front_of_the_engine(
    inside: list[Inside], reached: dict[str, set[tuple[str, int]]]
) -> None:
    (allow_list,) = [one for one in inside if one.name == "socket-proxy"]
    (address,) = allow_list.addresses.values()
    by = {one.name for one in inside if (address, 2375) in reached[one.container["Id"]]}
    mounting = {
        one.name for one in inside for mount in one.container["Mounts"] if mount["Source"].endswith("docker.sock")
    }

    assert by == {"traefik", "socket-proxy"}
    assert mounting == {"socket-proxy"}


def test_only_the_edge_faces_the_outside(inside: list[Inside]) -> None:
    assert {one.name for one in inside if "edge" in one.addresses} == {"traefik"}
    published = {one.name for one in inside for ports in one.container["NetworkSettings"]["Ports"].values() if ports}
    assert published == {"traefik"}


@pytest.fixture(scope="module")
def beyond() -> Iterator[tuple[str, int]]:
    """A server on another machine, as this one sees it: in a network namespace behind a cable of its own."""
    if os.geteuid() != 0 or shutil.which(_IP) is None:
        pytest.skip("to put a machine behind this one takes root and iproute2")
    near, far, port = "198.51.100.1", "198.51.100.2", 8000
    serve = f"import socket, time; server = socket.create_server(('{far}', {port})); time.sleep(600)"
    steps = (
        f"netns add {_BEYOND}",
        f"link add {_BEYOND}0 type veth peer name {_BEYOND}1 netns {_BEYOND}",
        f"addr add {near}/30 dev {_BEYOND}0",
        f"link set {_BEYOND}0 up",
        f"-n {_BEYOND} addr add {far}/30 dev {_BEYOND}1",
        f"-n {_BEYOND} link set {_BEYOND}1 up",
        f"-n {_BEYOND} route add default via {near}",
    )
    try:
        for step in steps:
            done = subprocess.run([_IP, *step.split()], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"no machine can be put behind this one: {done.stderr.strip()}")
        with subprocess.Popen([_IP, "netns", "exec", _BEYOND, sys.executable, "-c", serve]) as server:
            yield far, port
            server.kill()
    finally:
        subprocess.run([_IP, "link", "del", f"{_BEYOND}0"], capture_output=True, check=False)
        subprocess.run([_IP, "netns", "del", _BEYOND], capture_output=True, check=False)


def test_who_has_a_way_out_is_who_may(beyond: tuple[str, int], inside: list[Inside], image: str) -> None:
    """Not asked is the Docker host itself, which an engine may let all containers reach; see docs/edge.md."""
    leaves = {one.name: bool(probe(one.container, image, [beyond])["open"]) for one in inside}

    assert leaves == {one.name: has_way_out(one.name) for one in inside}


def test_without_a_way_out_not_even_published_ports_answer(edge: Edge, inside: list[Inside], image: str) -> None:
    targets = [(address, port) for address in (gateway(), "127.0.0.1") for port in (*edge.stack.ports, 2375, 2376)]
    for one in inside:
        if not has_way_out(one.name):
            found = probe(one.container, image, targets)["open"]
            assert found == ([["127.0.0.1", 2375]] if one.name == "socket-proxy" else []), one.name
