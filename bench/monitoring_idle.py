"""Measure what the monitoring of a running stack costs while nobody uses the product.

    .venv/bin/python bench/monitoring_idle.py --stack airgap [--seconds 300]

Asks the engine for the processor time and the memory of each container of the monitoring, at the start and at the end.
Memory is what the kernel cannot take back: without the cache of files that only the kernel keeps.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from components.core.engine import DockerEngine

SERVICES = (
    "prometheus",
    "alertmanager",
    "grafana",
    "cadvisor",
    "node-exporter",
    "postgres-exporter",
    "redis-exporter",
)
MOST_CORE_PERCENT = 3.0
MOST_MIB = 600
_MIB = 2**20


@dataclass(frozen=True)
class Usage:
    """What a container has used."""

    cpu_seconds: float
    memory_mib: float


def usage(stats: Mapping[str, Any]) -> Usage:
    """Return the usage in an answer of the engine; both versions of control groups say it, in other words."""
    memory = stats["memory_stats"]
    details = memory.get("stats", {})
    cache = details.get("inactive_file", details.get("total_inactive_file", 0))
    return Usage(
        cpu_seconds=stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        memory_mib=(memory["usage"] - cache) / _MIB,
    )


class Engine:
    """The few questions this script has for the Docker engine."""

    def __init__(self, socket: str) -> None:
        self._client = httpx.Client(transport=httpx.HTTPTransport(uds=socket), base_url="http://docker", timeout=30)

    def containers(self, stack: str) -> dict[str, str]:
        """Return the IDs of the monitoring's containers by service."""
        filters = f'{{"label":["io.slidegenie.stack=slidegenie/{stack}"]}}'
        answer = self._client.get("/containers/json", params={"filters": filters}).raise_for_status()
        by_service = {found["Labels"].get("com.docker.compose.service"): found["Id"] for found in answer.json()}
        return {service: by_service[service] for service in SERVICES if service in by_service}

    def usage(self, container: str) -> Usage:
        """Return what a container has used so far."""
        query = {"stream": "false", "one-shot": "true"}
        return usage(self._client.get(f"/containers/{container}/stats", params=query).raise_for_status().json())


def main() -> int:
    """Measure, print a table, and fail above the limits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stack", default="airgap", help="a running stack (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=300, help="how long to watch (default: %(default)s)")
    options = parser.parse_args()
    engine = Engine(DockerEngine.of().address.removeprefix("unix://"))
    console = Console()
    running = engine.containers(options.stack)
    if not running:
        console.print(f"stack {options.stack} runs no monitoring here: `make up STACK={options.stack}` first")
        return 2
    before = {service: engine.usage(container) for service, container in running.items()}
    time.sleep(options.seconds)
    after = {service: engine.usage(container) for service, container in running.items()}

    cores = {name: 100 * (after[name].cpu_seconds - before[name].cpu_seconds) / options.seconds for name in running}
    core_percent, mib = sum(cores.values()), sum(used.memory_mib for used in after.values())
    table = Table("service", "% of a core", "MiB", title=f"idle for {options.seconds} s")
    for name in running:
        table.add_row(name, f"{cores[name]:.2f}", f"{after[name].memory_mib:.0f}")
    table.add_row("all", f"{core_percent:.2f}", f"{mib:.0f}", style="bold")
    table.add_row("limit", f"{MOST_CORE_PERCENT:.2f}", f"{MOST_MIB}")
    console.print(table)
    if missing := [service for service in SERVICES if service not in running]:
        console.print(f"not running here, so not measured: {', '.join(missing)}")
    return int(core_percent > MOST_CORE_PERCENT or mib > MOST_MIB)


if __name__ == "__main__":
    sys.exit(main())
