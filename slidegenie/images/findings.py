"""What a scan found, as lines for a person."""

from components.images.supply_chain.checks import expiry
from components.images.supply_chain.scan_policy import ScanResult

from ..console import echo, info


def print_findings(image: str, verdict: ScanResult) -> None:
    """Print the summary of a scan, what stops a rollout, and which acceptances have expired."""
    info(f"{image}: {verdict.summary()}")
    for line in (*map(str, verdict.stopping), *map(expiry, verdict.expired)):
        echo(f"    {line}")
