"""The policy pack: `pulumi preview --policy-pack security`. All of it is in components/policy."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

try:
    from slidegenie.policy.pack import serve
except ModuleNotFoundError as missing:
    if missing.name != "pulumi_policy":
        raise
    sys.exit("the policy pack needs the package pulumi-policy: run `make .venv/.dev`, or `pip install pulumi-policy`")

serve()
