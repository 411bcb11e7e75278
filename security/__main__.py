"""The policy pack: `pulumi preview --policy-pack security`. All of it is in components/policy."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from components.policy.pack import serve  # noqa: E402 - Pulumi runs this file by its path

serve()
