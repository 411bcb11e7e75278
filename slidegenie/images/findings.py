"""What a scan found, as lines for a person."""

from components.images.supply_chain.checks import expiry
from components.images.supply_chain.gate import Verdict

from ..console import say, show


def tell(image: str, verdict: Verdict) -> None:
    """Print the summary of a scan, what stops a rollout, and which acceptances have expired."""
    say(f"{image}: {verdict.summary()}")
    for line in (*map(str, verdict.stopping), *map(expiry, verdict.expired)):
        show(f"    {line}")
