"""What the Docker provider says of itself, and `slidegenie diff` goes by."""

import json
import subprocess

import pytest

from slidegenie.changes.outcome import KEPT

from .conftest import missing

pytestmark = pytest.mark.pulumi


def test_the_inputs_that_replace_nothing_are_those_of_the_providers_schema() -> None:
    if reason := missing():
        pytest.skip(reason)
    said = subprocess.run(
        ["pulumi", "package", "get-schema", "docker"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    resources = json.loads(said.stdout)["resources"]
    kept = {
        kind: {
            name for name, value in resources[kind]["inputProperties"].items() if not value.get("willReplaceOnChanges")
        }
        for kind in KEPT
    }
    assert kept == KEPT
